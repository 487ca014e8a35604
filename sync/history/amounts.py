"""Monthly recurring revenue (MRR) of a subscription: exact, from plain values.

Metered prices are out. An item's own discounts come before the subscription's, percentages
before amounts, and nothing falls below zero; an amount off is taken from every invoice, so it
counts as often as invoices come. Source: reference metrics-console, section 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import lru_cache

MICRO = 1_000_000
ZERO = Fraction(0)
_BIGINT = 2**63 - 1
_COUNTED = frozenset({"active", "past_due"})
# Invoices that are only kept as drafts will still be collected.
_UNCOLLECTED = frozenset({"void", "mark_uncollectible"})
# How many periods of one interval a month has.
_PER_MONTH: Mapping[str, Fraction] = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A coupon at work from `starts_at` until before `ends_at`; None: no such bound.

    `percent_off` is 0 to 100, `amount_off_minor` per invoice. `forever`: the coupon never runs
    out. `products`: it lowers the price of these only; empty: of all.
    """

    percent_off: Fraction = ZERO
    amount_off_minor: int = 0
    forever: bool = False
    products: frozenset[str] = frozenset()
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        """Tell whether the discount works at `at`."""
        begun = self.starts_at is None or self.starts_at <= at
        return begun and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item: what it lists for a month in minor units, and how often it is billed in one."""

    monthly_minor: Fraction
    cadence: Fraction
    product: str | None = None
    discounts: Sequence[Discount] = ()

    def at(self, instant: datetime) -> "Line":
        """Return the line with the discounts that are in force then."""
        if not self.discounts:
            return self
        return replace(self, discounts=[off for off in self.discounts if off.in_force(instant)])


@dataclass(frozen=True, slots=True)
class Amounts:
    """MRR in minor units: as listed, less what is off for ever, less all that is off now."""

    listed: Fraction = ZERO
    net_forever: Fraction = ZERO
    net_all: Fraction = ZERO

    def micro(self) -> tuple[int, int, int]:
        """Return the three in millionths of a minor unit, as far as a bigint goes."""
        listed = _micro(self.listed)
        if self.net_all is self.listed:  # nothing is off, as for most
            return listed, listed, listed
        return listed, _micro(self.net_forever), _micro(self.net_all)


def counts(status: str | None, pause_behavior: str | None) -> bool:
    """Tell whether a subscription of that status and pause of collection brings revenue."""
    return status in _COUNTED and pause_behavior not in _UNCOLLECTED


@lru_cache(maxsize=256)
def cadence(interval: str | None, interval_count: int | None) -> Fraction:
    """Return how many billing periods a month has; 0 for what does not recur."""
    return _PER_MONTH.get(interval or "", ZERO) / max(interval_count or 1, 1)


def amounts(lines: Sequence[Line], discounts: Sequence[Discount]) -> list[Amounts]:
    """Return what each of `lines` brings, all discounts taken off.

    Each amount off the whole subscription is shared by the lines as their prices stand.
    """
    listed = [line.monthly_minor for line in lines]
    if not discounts and not any(line.discounts for line in lines):
        return [Amounts(each, each, each) for each in listed]
    return [
        Amounts(*each)
        for each in zip(
            listed, _net(lines, discounts, lasting=True), _net(lines, discounts), strict=True
        )
    ]


def _net(
    lines: Sequence[Line], discounts: Sequence[Discount], *, lasting: bool = False
) -> list[Fraction]:
    net = []
    for line in lines:
        own = [_Share([line], off) for off in line.discounts if off.forever or not lasting]
        net += _less([line.monthly_minor], own)
    whole = [_Share(lines, off) for off in discounts if off.forever or not lasting]
    return _less(net, whole)


class _Share:
    """A discount and the lines that share it."""

    __slots__ = ("amount_minor", "factor", "of")

    def __init__(self, lines: Sequence[Line], off: Discount) -> None:
        self.of = [not off.products or line.product in off.products for line in lines]
        self.factor = max(ZERO, 1 - off.percent_off / 100)
        billed = [line.cadence for line, shares in zip(lines, self.of, strict=True) if shares]
        self.amount_minor = off.amount_off_minor * max(billed, default=ZERO)


def _less(values: Sequence[Fraction], shares: Sequence[_Share]) -> list[Fraction]:
    left = list(values)
    for share in shares:
        left = [v * share.factor if of else v for v, of in zip(left, share.of, strict=True)]
    for share in shares:
        total = sum((v for v, of in zip(left, share.of, strict=True) if of), ZERO)
        if share.amount_minor and total > 0:
            kept = max(ZERO, 1 - share.amount_minor / total)
            left = [v * kept if of else v for v, of in zip(left, share.of, strict=True)]
    return left


def _micro(amount_minor: Fraction) -> int:
    return max(-_BIGINT, min(_BIGINT, round(amount_minor * MICRO)))
