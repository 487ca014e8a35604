"""Subscriptions and their items."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Text, text

from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    collection_method,
    instant,
    integer,
    item_period,
    items_of,
    price_of_item,
    product_of_price,
    recurring_of_price,
    ref,
    string,
    subscription_period,
)
from sync.mirror.tables import Children, MirroredObject, Row, mirror_table

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
    Column("unit_amount_minor", BigInteger),
    Column("recurring_interval", Text),
    Column("recurring_interval_count", Integer),
    Column("current_period_start", DateTime(timezone=True)),
    Column("current_period_end", DateTime(timezone=True)),
    indexed=("subscription", "price"),
)


def project(subscription: Json) -> Row:
    """Return the typed columns of a subscription, whatever API version rendered it."""
    period_start, period_end = subscription_period(subscription)
    started = subscription.get("start_date", subscription.get("start"))
    return {
        "created": instant(subscription.get("created")),
        "customer": ref(subscription.get("customer")),
        "status": string(subscription.get("status")),
        "collection_method": collection_method(subscription),
        "currency": string(subscription.get("currency")),
        "current_period_start": period_start,
        "current_period_end": period_end,
        "start_date": instant(started),
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
    }


def project_item(item: Json, subscription: Json) -> Row:
    """Return the typed columns of one item of `subscription`."""
    price = price_of_item(item)
    interval, interval_count = recurring_of_price(price)
    period_start, period_end = item_period(item, subscription)
    amount = price.get("unit_amount", price.get("amount"))
    return {
        "created": instant(item.get("created")),
        "subscription": subscription["id"],
        "price": ref(price) or ref(item.get("price")),
        "product": product_of_price(price),
        "quantity": integer(item.get("quantity")),
        "currency": string(price.get("currency")),
        "unit_amount_minor": integer(amount),
        "recurring_interval": interval,
        "recurring_interval_count": interval_count,
        "current_period_start": period_start,
        "current_period_end": period_end,
    }


OBJECT = MirroredObject(
    "subscription",
    TABLE,
    project,
    children=(Children(ITEMS, "subscription", items_of, project_item),),
    deletable=False,
)
