"""A moment without asking a server that has just not answered."""

import time


class Pause:
    """Spares everybody the wait for a server that somebody has just waited for in vain."""

    def __init__(self, seconds: float) -> None:
        """Last `seconds` each time; nothing is paused yet."""
        self._seconds = seconds
        self._until = 0.0

    def begin(self) -> None:
        """Pause from now on."""
        self._until = time.monotonic() + self._seconds

    @property
    def is_on(self) -> bool:
        """Whether the moment still lasts."""
        return time.monotonic() < self._until
