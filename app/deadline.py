"""A limit on how long a blocking call may hold a thread, kept by one watching thread.

A client that drips bytes, or a database that stands frozen, would otherwise hold a thread
of the web process for as long as it likes: neither WSGI nor libpq has a total time limit.
"""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Engine, event

_LOOK_EVERY_S = 0.2
_HELD = "evergreen.deadline"


class Watch:
    """Runs an action for every block that outlives its limit; the thread starts on first use."""

    def __init__(self) -> None:
        """Start with nothing to watch."""
        self._lock = threading.Lock()
        self._ids = count()
        self._running: dict[int, tuple[float, Callable[[], None]]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        """Run `action` in the watching thread when the block takes longer than `seconds`."""
        entry = self.begin(seconds, action)
        try:
            yield
        finally:
            self.end(entry)

    def begin(self, seconds: float, action: Callable[[], None]) -> int:
        """Start the time; return what `end` wants. `action` must be quick and must not raise."""
        entry = next(self._ids)
        with self._lock:
            self._running[entry] = (time.monotonic() + seconds, action)
            if self._thread is None or not self._thread.is_alive():  # a fork leaves it behind
                self._thread = threading.Thread(target=self._look, daemon=True, name="deadline")
                self._thread.start()
        return entry

    def end(self, entry: int) -> None:
        """Stop the time; from here on the action does not run, nor is it running."""
        with self._lock:
            self._running.pop(entry, None)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            # Under the lock: what an action works on, such as a socket's number, must not be
            # given back and handed out again meanwhile.
            with self._lock:
                now = time.monotonic()
                late = [entry for entry, (until, _) in self._running.items() if now > until]
                for entry in late:
                    _, action = self._running.pop(entry)
                    action()


def hang_up(fileno: int) -> None:
    """End both directions of the socket behind `fileno`, so that whoever waits on it wakes."""
    try:
        with socket.socket(fileno=fileno) as borrowed:
            try:
                borrowed.shutdown(socket.SHUT_RDWR)
            finally:
                borrowed.detach()
    except (OSError, ValueError):
        # It went away by itself in the meantime, which is what was wanted.
        return


def guard(engine: Engine, watch: Watch, hold_s: float) -> None:
    """Hang up each connection of `engine` that is held for longer than `hold_s`.

    Whoever waits gets SQLAlchemy's OperationalError. Whether a pooled connection still lives is
    no longer asked, which takes three messages to the server and waits for a frozen one.
    """
    engine.dialect.do_ping = lives  # type: ignore[assignment,method-assign]  # there is no event

    @event.listens_for(engine, "checkout")
    def _begin(connection: Any, record: Any, _proxy: Any) -> None:
        record.info[_HELD] = watch.begin(hold_s, hanging_up(connection))

    # Who takes a connection for good keeps the time by itself.
    @event.listens_for(engine, "detach")
    @event.listens_for(engine, "checkin")
    def _end(_connection: Any, record: Any) -> None:
        watch.end(record.info.pop(_HELD, -1))


def lives(connection: Any) -> bool:
    """Tell whether the server has let the connection be: on an idle one it only says goodbye."""
    idle = select.poll()
    idle.register(connection, select.POLLIN | select.POLLRDHUP)
    return not connection.closed and not idle.poll(0)


def hanging_up(connection: Any) -> Callable[[], None]:
    """Return the action that hangs up `connection`."""
    number: int = connection.fileno()  # now: a connection that is broken later has none
    return lambda: hang_up(number)
