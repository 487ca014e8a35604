"""An answer that anybody may ask for as often as they like."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Looks again when what it knows is older than `fresh_s`, and only one at a time."""

    def __init__(self, look: Callable[[], T], *, fresh_s: float) -> None:
        """Know nothing yet."""
        self._look = look
        self._fresh_s = fresh_s
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def value(self) -> T:
        """Return what was found lately."""
        with self._lock:
            if self._known is None or time.monotonic() >= self._known[0]:
                found = self._look()
                self._known = (time.monotonic() + self._fresh_s, found)
            return self._known[1]
