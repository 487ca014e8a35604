"""Discounts: coupons at work on a customer, a subscription, an invoice or one of their items."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, mappings, ref, string
from sync.mirror.tables import MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "discounts",
    Column("coupon", Text),
    Column("promotion_code", Text),
    Column("customer", Text),
    Column("subscription", Text),
    Column("subscription_item", Text),
    Column("invoice", Text),
    Column("invoice_item", Text),
    Column("checkout_session", Text),
    Column("starts_at", DateTime(timezone=True), comment="Stripe's `start`"),
    Column("ends_at", DateTime(timezone=True), comment="Stripe's `end`; null: no end is set"),
    indexed=("coupon", "customer", "subscription", "invoice", "promotion_code"),
)

# What a discount on all that its customer pays has none of.
NARROWER = ("subscription", "subscription_item", "invoice", "invoice_item", "checkout_session")

# What brings discounts with a reading, and their coupons: neither can be listed once deleted.
EXPAND = "discounts.source.coupon"


def coupon_of(discount: Json) -> object:
    """Return the coupon, an id or whole; below `source` since 2025-09-30.clover."""
    return at(discount, "source", "coupon") or discount.get("coupon")


def on(subject: Json) -> list[object]:
    """Return the discounts on an object, ids or whole; only one was possible until 2020."""
    listed = subject.get("discounts")
    found = listed if isinstance(listed, list) and listed else [subject.get("discount")]
    return [each for each in found if each]


def whole_on(subject: Json) -> list[Json]:
    """Return what an object shows whole of its discounts, and of their coupons and codes."""
    discounts = mappings(on(subject))
    behind = [each for one in discounts for each in (coupon_of(one), one.get("promotion_code"))]
    return discounts + mappings(behind)


def project(discount: Json) -> Row:
    """Return the typed columns of a discount, whatever API version rendered it."""
    return {
        "coupon": ref(coupon_of(discount)),
        "promotion_code": ref(discount.get("promotion_code")),
        "customer": ref(discount.get("customer")),
        "subscription": ref(discount.get("subscription")),
        "subscription_item": ref(discount.get("subscription_item")),
        "invoice": ref(discount.get("invoice")),
        "invoice_item": ref(discount.get("invoice_item")),
        "checkout_session": string(discount.get("checkout_session")),
        "starts_at": instant(discount.get("start")),
        "ends_at": instant(discount.get("end")),
    }


OBJECT = MirroredObject("discount", TABLE, project)
