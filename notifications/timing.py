"""How long each mail is of use, and which may go out at any hour: the one table all read.

Source: lifecycle, section 7 (kind names, use-by horizons, quiet hours).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

# transactional: part of the service bought. marketing: can be refused. internal: for us.
# Quiet hours and caps go by it: internal mail knows neither.
Category = Literal["transactional", "marketing", "internal"]

_H24, _D3, _D7 = timedelta(hours=24), timedelta(days=3), timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One kind's place in time.

    A mail is of use for `lives` after it is due. Where it is about a date (a renewal, the next
    step, the day evidence is due), `margin` is how long before that date it is too late.
    `at_once`: exempt from quiet hours.
    """

    category: Category = "transactional"
    lives: timedelta = _H24
    margin: timedelta | None = None
    at_once: bool = False

    def expires_at(self, due_at: datetime, about: datetime | None = None) -> datetime:
        """Return from when on the mail is too late; `about` is the date it is about, if any."""
        if about is None or self.margin is None:
            return due_at + self.lives
        return about - self.margin


_ANNOUNCES = Timing(margin=_H24)
_NOW = Timing(at_once=True)
_NOW_72H = Timing(at_once=True, lives=timedelta(hours=72))
_NOW_7D = Timing(at_once=True, lives=_D7)
_WINBACK = Timing(category="marketing", lives=_D7)
_ZERO = timedelta(0)

TIMINGS: Mapping[str, Timing] = MappingProxyType(
    {
        "subscription_started": _NOW_72H,
        "trial_ending": _ANNOUNCES,
        "promo_ending": _ANNOUNCES,
        "trial_ended_no_card": _NOW,
        "renewal_reminder": _ANNOUNCES,
        "annual_terms_reminder": Timing(),
        "price_change": _ANNOUNCES,
        "card_expiring": _ANNOUNCES,
        # A step of dunning is of use until the next is due (`about`), the last for `lives`.
        "action_required": Timing(at_once=True, margin=_ZERO),
        "payment_failed": Timing(lives=_D3, margin=_ZERO),
        # About the day of the terminal action.
        "final_notice": Timing(lives=_D3, margin=_ZERO),
        "payment_recovered": _NOW,
        "access_suspended": _NOW_72H,
        "ended_nonpayment": _NOW_7D,
        "cancel_scheduled": _NOW_72H,
        "cancel_reversed": _NOW_72H,
        "ended_voluntary": _NOW_7D,
        "paused": _NOW_72H,
        "resuming": Timing(),
        "receipt": _NOW_7D,
        "refund_confirmed": _NOW,
        "invoice_due": Timing(lives=_D3),
        "winback_delinquent": _WINBACK,
        "winback_voluntary": _WINBACK,
        "winback_task": Timing(category="internal", at_once=True, lives=_D7),
        # About the day evidence is due; a fraud warning has none.
        "dispute_alert": Timing(category="internal", at_once=True, margin=_ZERO),
        "dunning_task": Timing(category="internal", at_once=True, lives=_D3),
        "stock_alert": Timing(category="internal", at_once=True),
        "copy": Timing(category="internal", at_once=True),
        "digest": Timing(category="internal", at_once=True),
    }
)
