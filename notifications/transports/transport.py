"""The seam between a finished message and whoever takes it away."""

from email.message import EmailMessage
from typing import Protocol

from sync.changes import Outcome


class Transport(Protocol):
    """Sends messages one at a time; never raises for what the other side does."""

    def send(self, message: EmailMessage) -> Outcome:
        """Hand `message` over and tell how that ended.

        `Done` it was taken; `RetryIn` it was not, and may be later; `Failed` it was refused
        for good; `Unknown` it may have been taken.
        """
        ...

    def close(self) -> None:
        """Let go of connections; another `send` opens them again."""
        ...
