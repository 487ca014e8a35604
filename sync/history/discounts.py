"""Discounts and coupons as Stripe shows them, whole or by id, as values to reckon with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sync.history.amounts import ZERO, Discount
from sync.history.prices import number
from sync.mirror.objects.discount import coupon_of
from sync.mirror.shapes import Json, at, instant, integer, ref, strings

Ref = tuple[str, str]
"""Account and id."""


@dataclass(frozen=True, slots=True)
class OfCustomer:
    """A discount on all that a customer pays, as the mirror holds it; `gone_at`: taken away."""

    discount: Json
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the mirror knows beside the subscriptions themselves; JSON by account and id."""

    discounts: Mapping[Ref, Json] = field(default_factory=dict)
    coupons: Mapping[Ref, Json] = field(default_factory=dict)
    prices: Mapping[Ref, Json] = field(default_factory=dict)
    of_customers: Mapping[Ref, Sequence[OfCustomer]] = field(default_factory=dict)


@dataclass(slots=True)
class Sources:
    """Whose words an amount rests on: all ids looked up, and those that nobody knows yet."""

    asked: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def look_up(self, known: Mapping[Ref, Json], account: str, wanted: str) -> Json | None:
        """Return what is known under `wanted`, and remember that it was asked for."""
        found = known.get((account, wanted))
        self.asked.add(wanted)
        if found is None:
            self.missing.add(wanted)
        return found


def resolve(
    named: Iterable[Any], account: str, currency: str | None, known: Known, sources: Sources
) -> tuple[Discount, ...]:
    """Return `named` discounts as values; one that is not known yet takes nothing off.

    They are shown on something, so they have begun.
    """
    found = (_discount(each, account, currency, known, sources) for each in named)
    return tuple(replace(off, starts_at=None) for off in found)


def of_customer(
    customer: str | None, account: str, currency: str | None, known: Known, sources: Sources
) -> tuple[Discount, ...]:
    """Return a customer's own discounts over time; each ends when the next begins."""
    told = known.of_customers.get((account, customer or ""))
    if not told:
        return ()
    found = [(_discount(each.discount, account, currency, known, sources), each) for each in told]
    ended = [replace(off, ends_at=_first(off.ends_at, each.gone_at)) for off, each in found]
    in_time = sorted((off for off in ended if off.starts_at), key=lambda off: str(off.starts_at))
    nexts = [*(off.starts_at for off in in_time), None][1:]
    return tuple(
        replace(off, ends_at=_first(off.ends_at, after))
        for off, after in zip(in_time, nexts, strict=True)
    )


def _first(*instants: datetime | None) -> datetime | None:
    return min(filter(None, instants), default=None)


def _discount(
    named: Any, account: str, currency: str | None, known: Known, sources: Sources
) -> Discount:
    told = named if isinstance(named, Mapping) and coupon_of(named) else None
    if told is None and (discount_id := ref(named)):
        told = sources.look_up(known.discounts, account, discount_id)
    coupon = coupon_of(told or {})
    if isinstance(coupon, str):
        coupon = sources.look_up(known.coupons, account, coupon)
    return replace(
        _of_coupon(coupon if isinstance(coupon, Mapping) else {}, currency),
        starts_at=instant(at(told, "start")),
        ends_at=instant(at(told, "end")),
    )


def _of_coupon(coupon: Json, currency: str | None) -> Discount:
    own = coupon.get("currency") == currency
    amount = coupon if own else at(coupon, "currency_options", currency or "")
    return Discount(
        percent_off=number(coupon.get("percent_off")) or ZERO,
        amount_off_minor=integer(at(amount, "amount_off")) or 0,
        forever=coupon.get("duration") == "forever",
        products=frozenset(strings(at(coupon, "applies_to", "products"))),
    )
