"""Stripe as these pages ask it: a few at once, so that a slow Stripe never keeps webhooks out.

Who waits for Stripe holds one of the web process's threads, the receiver's too. Stripe's module
is loaded at the first question: most web processes receive webhooks only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from app.settings import Settings
from sync.errors import Rejected, Unavailable

if TYPE_CHECKING:
    from sync.stripe_writes import StripeWrites

# Of the eight threads of a web process.
AT_ONCE = 2


class StripeSide:
    """The way to Stripe's writing API, for at most `AT_ONCE` people at the same time."""

    def __init__(
        self, connect: "Callable[[], StripeWrites] | None", base: str | None = None
    ) -> None:
        """Ask through what `connect` returns; None: the shop has given no key.

        `base`: where a stand-in for Stripe answers, whose pages are good to be sent to.
        """
        self._connect, self.base = connect, base
        self._turns = BoundedSemaphore(AT_ONCE)
        self._opening = Lock()
        self._writes: StripeWrites | None = None

    @contextmanager
    def asking(self) -> "Iterator[StripeWrites]":
        """Give a turn to ask Stripe; keep no connection of the database meanwhile.

        Raises:
            Unavailable: all turns are taken; besides, whatever asking raises.
            Rejected: there is no key to ask with.
        """
        if self._connect is None:
            raise Rejected("no Stripe key is set")
        if not self._turns.acquire(blocking=False):
            raise Unavailable("too many are asking Stripe")
        try:
            yield self._opened(self._connect)
        finally:
            self._turns.release()

    def _opened(self, connect: "Callable[[], StripeWrites]") -> "StripeWrites":
        with self._opening:
            self._writes = self._writes or connect()
            return self._writes


def stripe_side(settings: Settings) -> StripeSide:
    """Return the way to Stripe as the settings give it; nothing has connected yet."""
    key, base = settings.stripe_api_key, settings.stripe_api_base

    def connect() -> "StripeWrites":
        from sync.stripe_writes import StripeWrites  # noqa: PLC0415 — see the top of this file

        return StripeWrites(key or "", base=base)

    return StripeSide(connect if key else None, base)
