"""What somebody is asked back with: a promotion code for one customer, once, for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import structlog

from sync.changes import Effect, RetryIn
from sync.errors import Rejected, Unavailable

log = structlog.get_logger(__name__)

# Beyond the day until which its mail is of use: so the same mail always asks for the same code,
# however often it is tried, and the customer has a week at least.
OFFER_LIVES = timedelta(days=7)

_ASK_AGAIN_S = 60.0
_MENDED_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A promotion code that one customer may use once, until `expires_at`.

    Either `percent_off` or `amount_off_minor` (of `currency`) is set, as far as is known;
    `months` is for how long it lowers the price: None once only, 0 for ever.
    """

    code: str
    expires_at: datetime
    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    currency: str | None = None
    months: int | None = None


class Offers(Protocol):
    """Makes promotion codes at Stripe. Raises `Unavailable` or `Rejected`, nothing else."""

    def make(self, effect: Effect, expires_at: datetime) -> Offer | None:
        """Return a code for the customer of `effect` alone, good for one use until `expires_at`.

        `effect.key` is the idempotency key: asked again, the same code comes back. None where
        the shop has set no coupon for it, or gave us no key that may write.
        """
        ...


def ask(offers: Offers, effect: Effect, now: datetime) -> Offer | RetryIn | None:
    """Return the offer for a mail that leaves at `now`, or when to ask again."""
    try:
        return offers.make(effect, (effect.expires_at or now) + OFFER_LIVES)
    except Unavailable as error:
        return RetryIn(error.retry_after_s or _ASK_AGAIN_S, "offer_unavailable")
    except Rejected as error:
        log.warning("offer.rejected", kind=effect.kind, told=str(error))
        return RetryIn(_MENDED_S, "offer_rejected")
