"""However many clients are slow, on purpose or not, half of a process's threads stay free."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from app.deadline import Watch

PATIENCE_S = 1.0  # what comes from Stripe comes at once
SLOW_AT_A_TIME = 4
# The threads belong to the process, and so do the places: all that read share them.
_PLACES = threading.BoundedSemaphore(SLOW_AT_A_TIME)


@dataclass(slots=True)
class Visit:
    """A client that is sending; `ended` tells that it was hung up on."""

    hang_up: Callable[[], None]
    ended: bool = False
    _has_place: bool = False

    def slow(self) -> None:
        """Take one of the places for slow clients; when there is none, the visit ends."""
        self._has_place = _PLACES.acquire(blocking=False)
        if not self._has_place:
            self.end()

    def end(self) -> None:
        """Hang up."""
        self.ended = True
        self.hang_up()

    def leave(self) -> None:
        """Give the place to the next."""
        if self._has_place:
            self._has_place = False
            _PLACES.release()


@contextmanager
def visiting(watch: Watch, hang_up: Callable[[], None], most_s: float) -> Iterator[Visit]:
    """Keep the time while a client sends: patience ends first, then `most_s`."""
    visit = Visit(hang_up)
    try:
        with watch.limit(PATIENCE_S, visit.slow), watch.limit(most_s, visit.end):
            yield visit
    finally:
        visit.leave()
