"""How likely a customer is to leave: a plain sum of points, so that anybody can check it.

No model is trained: each reason has its points, the sum is cut at 100, and a band says how
loud to be. A customer with nothing live has no risk left, and so no score.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sync.crm.facts import Facts
from sync.crm.revenue import Movement
from sync.crm.standing import LIVE, status_of
from sync.mirror.facts import SubscriptionFacts

SOON = timedelta(days=30)
LATELY = timedelta(days=90)
OFTEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What the reasons look at; `main` is live and stands for the customer."""

    main: SubscriptionFacts
    now: datetime
    facts: Facts
    movement: Movement | None
    card_expires: date | None
    failed_payments: int
    dunning_stage: str | None


@dataclass(frozen=True, slots=True)
class Risk:
    """`score` is 0 to 100; `reasons` are names of `POINTS`."""

    score: int
    band: str
    reasons: tuple[str, ...]


# Reason -> points.
POINTS: Mapping[str, int] = {
    "cancel_scheduled": 60,
    "payment_late": 40,
    "paused": 30,
    "retries_exhausted": 20,
    "card_expires_soon": 20,
    "trial_without_payment_method": 20,
    "downgraded_lately": 15,
    "payments_fail_often": 10,
}
# Band -> the least score in it, highest first.
BANDS: Sequence[tuple[str, int]] = (("high", 60), ("medium", 30), ("low", 0))

_HOLDS: Mapping[str, Callable[[Signs], bool]] = {
    "cancel_scheduled": lambda s: s.main.cancel_is_set,
    "payment_late": lambda s: status_of(s.main) in {"past_due", "unpaid"},
    "paused": lambda s: status_of(s.main) == "paused",
    "retries_exhausted": lambda s: s.dunning_stage == "exhausted",
    "card_expires_soon": lambda s: (
        s.card_expires is not None and s.card_expires <= (s.now + SOON).date()
    ),
    "trial_without_payment_method": lambda s: s.main.status == "trialing" and not _has_method(s),
    "downgraded_lately": lambda s: (
        s.movement is not None
        and s.movement.kind == "contraction"
        and s.movement.at + LATELY > s.now
    ),
    "payments_fail_often": lambda s: s.failed_payments >= OFTEN,
}


def risk_of(signs: Signs) -> Risk:
    """Return the score of a customer who has something live, and why."""
    reasons = tuple(name for name, holds in _HOLDS.items() if holds(signs))
    score = min(100, sum(POINTS[name] for name in reasons))
    return Risk(score, next(band for band, least in BANDS if score >= least), reasons)


def next_look(signs: Signs) -> datetime | None:
    """Return when time alone may change the score next; None: never."""
    card = signs.card_expires
    turns = [
        # The first midnight from which on the card's last day is within `SOON`.
        datetime.combine(card, datetime.min.time(), signs.now.tzinfo) - SOON if card else None,
        signs.movement.at + LATELY if signs.movement else None,
    ]
    return min((at for at in turns if at and at > signs.now), default=None)


def is_live(main: SubscriptionFacts | None) -> bool:
    """Tell whether there is anything left to lose."""
    return main is not None and status_of(main) in LIVE


def _has_method(signs: Signs) -> bool:
    theirs = signs.facts.customer
    return bool(signs.main.default_payment_method or (theirs and theirs.default_payment_method))
