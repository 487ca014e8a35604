"""Subscriptions and their items."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Text, text

from sync.mirror.objects.discount import EXPAND, whole_on
from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    collection_method,
    count,
    instant,
    integer,
    item_period,
    items_of,
    mappings,
    price_of_item,
    product_of_price,
    recurring_of_price,
    ref,
    started_at,
    string,
    subscription_period,
    unit_amount,
    usage_of_price,
)
from sync.mirror.tables import Children, Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "subscriptions",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("status", Text),
    Column("collection_method", Text),
    Column("currency", Text),
    Column("current_period_start", DateTime(timezone=True)),
    Column("current_period_end", DateTime(timezone=True)),
    Column("start_date", DateTime(timezone=True)),
    Column("trial_start", DateTime(timezone=True)),
    Column("trial_end", DateTime(timezone=True)),
    Column("cancel_at_period_end", Boolean),
    Column("cancel_at", DateTime(timezone=True)),
    Column("canceled_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("cancellation_reason", Text),
    Column("cancellation_feedback", Text),
    Column("pause_collection_behavior", Text),
    Column("default_payment_method", Text),
    Column("latest_invoice", Text),
    Column("billing_cycle_anchor", DateTime(timezone=True)),
    Column("days_until_due", Integer),
    Column("description", Text),
    Column("pause_collection_resumes_at", DateTime(timezone=True)),
    Column("pending_setup_intent", Text, comment="Set while the customer has to confirm a method"),
    Column("schedule", Text),
    Column("test_clock", Text),
    indexed=("customer", "current_period_end", "ended_at"),
)

# Few among many, and the first thing an operator looks for.
Index(
    "subscriptions_past_due_idx",
    TABLE.c.as_of,
    TABLE.c.id,
    TABLE.c.account,
    postgresql_where=text("status = 'past_due'"),
)

ITEMS = mirror_table(
    "subscription_items",
    Column("created", DateTime(timezone=True)),
    Column("subscription", Text, nullable=False),
    Column("price", Text),
    Column("product", Text),
    Column("quantity", BigInteger),
    Column("currency", Text),
    # None when the price has tiers, or a fraction of the minor unit (then unit_amount_decimal).
    Column("unit_amount_minor", BigInteger),
    Column("unit_amount_decimal", Text, comment="In minor units"),
    Column("usage_type", Text),
    Column("recurring_interval", Text),
    Column("recurring_interval_count", Integer),
    Column("current_period_start", DateTime(timezone=True)),
    Column("current_period_end", DateTime(timezone=True)),
    indexed=("subscription", "price", "product"),
)


def project(subscription: Json) -> Row:
    """Return the typed columns of a subscription, whatever API version rendered it."""
    period_start, period_end = subscription_period(subscription)
    return {
        "created": instant(subscription.get("created")),
        "customer": ref(subscription.get("customer")),
        "status": string(subscription.get("status")),
        "collection_method": collection_method(subscription),
        "currency": string(subscription.get("currency")),
        "current_period_start": period_start,
        "current_period_end": period_end,
        "start_date": started_at(subscription),
        "trial_start": instant(subscription.get("trial_start")),
        "trial_end": instant(subscription.get("trial_end")),
        "cancel_at_period_end": boolean(subscription.get("cancel_at_period_end")),
        "cancel_at": instant(subscription.get("cancel_at")),
        "canceled_at": instant(subscription.get("canceled_at")),
        "ended_at": instant(subscription.get("ended_at")),
        "cancellation_reason": string(at(subscription, "cancellation_details", "reason")),
        "cancellation_feedback": string(at(subscription, "cancellation_details", "feedback")),
        "pause_collection_behavior": string(at(subscription, "pause_collection", "behavior")),
        "default_payment_method": ref(subscription.get("default_payment_method")),
        "latest_invoice": ref(subscription.get("latest_invoice")),
        "billing_cycle_anchor": instant(subscription.get("billing_cycle_anchor")),
        "days_until_due": count(subscription.get("days_until_due")),
        "description": string(subscription.get("description")),
        "pause_collection_resumes_at": instant(at(subscription, "pause_collection", "resumes_at")),
        "pending_setup_intent": ref(subscription.get("pending_setup_intent")),
        "schedule": ref(subscription.get("schedule")),
        "test_clock": ref(subscription.get("test_clock")),
    }


def project_item(item: Json, subscription: Json) -> Row:
    """Return the typed columns of one item of `subscription`."""
    price = price_of_item(item)
    interval, interval_count = recurring_of_price(price)
    period_start, period_end = item_period(item, subscription)
    amount, decimal = unit_amount(price)
    usage_type, _ = usage_of_price(price)
    return {
        "created": instant(item.get("created")),
        "subscription": subscription["id"],
        "price": ref(price) or ref(item.get("price")),
        "product": product_of_price(price),
        "quantity": integer(item.get("quantity")),
        "currency": string(price.get("currency")),
        "unit_amount_minor": amount,
        "unit_amount_decimal": decimal,
        "usage_type": usage_type,
        "recurring_interval": interval,
        "recurring_interval_count": interval_count,
        "current_period_start": period_start,
        "current_period_end": period_end,
    }


def _embedded(subscription: Json) -> Iterable[Json]:
    """Yield what is whole of the discounts on the subscription and on its items."""
    for discounted in (subscription, *mappings(items_of(subscription).get("data"))):
        yield from whole_on(discounted)


OBJECT = MirroredObject(
    "subscription",
    TABLE,
    project,
    children=(Children(ITEMS, "subscription", items_of, project_item),),
    deletable=False,
    endpoint=Endpoint(
        many="/v1/subscriptions",
        one="/v1/subscriptions/{id}",
        params={"status": "all"},
        expand=(EXPAND, "items.data.discounts"),
    ),
    embedded=_embedded,
)
