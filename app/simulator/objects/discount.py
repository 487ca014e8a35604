"""Coupons, the codes that give them away, and the discounts that they become."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.simulator.history import Json
from app.simulator.periods import add_months, percent_of, share
from app.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """How much a coupon takes off: `percent_off`, or `amount_off` in minor units of `currency`.

    It lasts for `months`, or forever.
    """

    id: str
    name: str
    percent_off: int | float | None = None
    amount_off: int | None = None
    currency: str | None = None
    months: int | None = None


def coupon(world: World, terms: CouponTerms) -> dict[str, Any]:
    """Return a coupon nobody has redeemed yet."""
    return {
        "id": terms.id,
        "object": "coupon",
        "amount_off": terms.amount_off,
        "created": world.now,
        "currency": terms.currency,
        "duration": "repeating" if terms.months else "forever",
        "duration_in_months": terms.months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": terms.name,
        "percent_off": terms.percent_off,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def promotion_code(world: World, coupon_id: str, code: str) -> dict[str, Any]:
    """Return a code that customers type to redeem a coupon."""
    return {
        "id": world.new_id("promotion_code"),
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": world.now,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }


def discount(
    world: World,
    of_coupon: Json,
    customer_id: str,
    *,
    subscription_id: str | None = None,
    code_id: str | None = None,
) -> dict[str, Any]:
    """Return a coupon at work on a customer, or on one subscription, from now on."""
    return {
        "id": world.new_id("discount"),
        "object": "discount",
        "checkout_session": None,
        "customer": customer_id,
        "customer_account": None,
        "end": ends_at(of_coupon, world.now),
        "invoice": None,
        "invoice_item": None,
        "promotion_code": code_id,
        "source": {"coupon": of_coupon["id"], "type": "coupon"},
        "start": world.now,
        "subscription": subscription_id,
        "subscription_item": None,
    }


def ends_at(of_coupon: Json, start: int) -> int | None:
    """Return when a discount that begins at `start` ends, None for never."""
    months = of_coupon["duration_in_months"]
    return add_months(start, months) if months else None


def on_invoice(world: World, customer: Json, subscription: Json, at: int) -> list[Json]:
    """Return the discounts on what is billed from `at` on.

    A subscription's own take the place of its customer's.
    """
    ids = subscription["discounts"] or [d["id"] for d in [customer["discount"]] if d]
    found = [world[each] for each in ids]
    return [each for each in found if each["end"] is None or at < each["end"]]


def taken_off(of_coupon: Json, amounts: list[int]) -> list[int]:
    """Return what a coupon takes off each of some amounts, in minor units, never more than all.

    A fixed amount is spread over them by their size; the last bears what rounding leaves.
    """
    total = sum(amounts)
    if of_coupon["amount_off"] is None:
        return [percent_of(amount, of_coupon["percent_off"]) for amount in amounts]
    off = min(total, of_coupon["amount_off"])
    ends = [sum(amounts[: number + 1]) for number in range(len(amounts))]
    until = [0, *(share(off, end, total or 1) for end in ends)]
    return [end - start for start, end in pairwise(until)]
