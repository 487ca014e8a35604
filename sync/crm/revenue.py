"""Monthly recurring revenue (MRR) of one customer over time, and its last movement.

The amounts are the history's: less the coupons that run for ever, tiers counted, exact until
they are rounded here, once. Source: reference metrics-console, section 1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from sync.history.amounts import MICRO

Kind = Literal["new", "expansion", "contraction", "churn", "reactivation", "pause", "resume"]
# What moves forth and back within it never moved: a change of plan may end and begin.
_ONE_MOVEMENT = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """What a subscription brings a month, in millionths of a minor unit, until `ends_at`."""

    begins_at: datetime
    ends_at: datetime | None
    currency: str | None
    micro_minor: int
    paused: bool = False

    def holds(self, at: datetime) -> bool:
        """Tell whether this is how it stands at `at`."""
        return self.begins_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The MRR changed by `delta_minor`, in minor units."""

    kind: Kind
    delta_minor: int
    at: datetime


def mrr_minor(revenue: Sequence[Revenue], currency: str | None, at: datetime) -> int:
    """Return the MRR at `at` in minor units of `currency`; other currencies are left out."""
    held = [each for each in revenue if each.currency == currency and each.holds(at)]
    return round(Fraction(sum(each.micro_minor for each in held), MICRO))


def last_movement(
    revenue: Sequence[Revenue], currency: str | None, now: datetime
) -> Movement | None:
    """Return how the MRR last moved by `now`, None while it never did."""
    last: Movement | None = None
    before = peak = 0
    for at, settled_at in _moments(revenue, now):
        after = mrr_minor(revenue, currency, settled_at)
        if after != before:
            paused = any(each.paused and each.holds(settled_at) for each in revenue)
            kind = _kind(before, after, last, earned=peak > 0, paused=paused)
            last = Movement(kind=kind, delta_minor=after - before, at=at)
        before, peak = after, max(peak, after)
    return last


def next_change(revenue: Sequence[Revenue], now: datetime) -> datetime | None:
    """Return when time alone changes the MRR next: a discount begins or ends."""
    return min((each.begins_at for each in revenue if each.begins_at > now), default=None)


def _moments(revenue: Sequence[Revenue], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield when something began to move and when it had settled; it belongs to one movement."""
    began: datetime | None = None
    settled = now
    for at in sorted({each.begins_at for each in revenue if each.begins_at <= now}):
        if began is not None and at - began >= _ONE_MOVEMENT:
            yield began, settled
            began = None
        began, settled = began or at, at
    if began is not None:
        yield began, settled


def _kind(before: int, after: int, last: Movement | None, *, earned: bool, paused: bool) -> Kind:
    if before and after:
        return "expansion" if after > before else "contraction"
    if not after:
        return "pause" if paused else "churn"
    if last and last.kind == "pause":
        return "resume"
    return "reactivation" if earned else "new"
