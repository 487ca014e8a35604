"""Rings the doorbell from a thread of its own: a burst is one ring, and no request waits."""

import threading
import time

from app.doorbell import Doorbell

_BREATH_S = 0.005  # a burst's next ring; the first one comes at once


class Ringer:
    """Remembers which lanes have news; the thread starts at the first.

    What is asked for after a commit rings after it. A process that dies in between leaves it to
    the clock's sweep, as with any lost ring.
    """

    def __init__(self, doorbell: Doorbell) -> None:
        """Ring through `doorbell`; nothing is sent yet."""
        self._doorbell = doorbell
        self._lanes: set[int] = set()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def ring_events(self, lane: int) -> None:
        """Have the bell of `lane` rung soon."""
        with self._news:
            if lane in self._lanes:
                return
            self._lanes.add(lane)
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._ring, daemon=True, name="ringer")
                self._thread.start()
            self._news.notify()

    def _ring(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._lanes)
                lane = self._lanes.pop()  # before it rings: what comes from here on rings again
            self._doorbell.ring_events(lane)
            time.sleep(_BREATH_S)
