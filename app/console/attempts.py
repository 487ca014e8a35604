"""A limit on guessing the password: failed log-ins of this process, in a sliding quarter hour.

Each process counts for itself and forgets when it ends. That is enough here: what it bounds is
the work strangers can cause, and the password is at least twelve characters long.
"""

import threading
from collections import deque

WINDOW_S = 15 * 60
PER_ADDRESS = 10
# Addresses can be made up where no router stands before us, so all together are limited, too.
IN_ALL = 100


class Attempts:
    """Counts failures; times are seconds of a clock that never goes back."""

    def __init__(self) -> None:
        """Start without a failure."""
        self._lock = threading.Lock()
        self._failures: deque[tuple[float, str]] = deque()

    def may_try(self, address: str, now_s: float) -> bool:
        """Tell whether somebody at `address` may guess once more."""
        with self._lock:
            self._forget(now_s)
            from_there = sum(1 for _, failed_at in self._failures if failed_at == address)
            return from_there < PER_ADDRESS and len(self._failures) < IN_ALL

    def failed(self, address: str, now_s: float) -> None:
        """Count a wrong password."""
        with self._lock:
            self._failures.append((now_s, address))

    def _forget(self, now_s: float) -> None:
        while self._failures and self._failures[0][0] <= now_s - WINDOW_S:
            self._failures.popleft()
