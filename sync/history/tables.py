"""The tables of the history: what every event showed of a subscription, and what that brings."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    column,
    func,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sync.store.engine import EVERGREEN, METADATA

SOURCES = ("event", "api", "discount")


def _key() -> tuple[Column[Any], ...]:
    return (
        Column("account", Text, primary_key=True, server_default=""),
        Column("event_id", Text, primary_key=True, comment="`api:<subscription>:<second>` if read"),
        Column("subscription", Text, primary_key=True),
        Column(
            "effective_at",
            DateTime(timezone=True),
            primary_key=True,
            comment="from when the row holds; after `state_at`: a discount begins or ends then",
        ),
    )


def _amounts() -> tuple[Column[int], ...]:
    """Return MRR in millionths of a minor unit: exact when summed, rounded when shown."""
    return (
        Column("mrr_list_micro_minor", BigInteger, nullable=False, comment="before discounts"),
        Column(
            "mrr_net_forever_micro_minor",
            BigInteger,
            nullable=False,
            comment="less coupons that run for ever",
        ),
        Column(
            "mrr_net_all_micro_minor",
            BigInteger,
            nullable=False,
            comment="less all coupons in force",
        ),
    )


HISTORY = Table(
    "subscription_history",
    METADATA,
    *_key(),
    Column("state_at", DateTime(timezone=True), nullable=False, comment="Stripe's time"),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("source", Text, nullable=False, comment="event, api or discount"),
    Column("livemode", Boolean, nullable=False),
    Column("customer", Text),
    Column("status", Text, comment="Stripe's; `gone`: the API knows no such subscription"),
    Column("pause_collection_behavior", Text),
    Column("currency", Text),
    Column("cancel_at_period_end", Boolean),
    Column("cancel_at", DateTime(timezone=True)),
    Column("canceled_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("cancellation_reason", Text),
    Column("trial_end", DateTime(timezone=True)),
    *_amounts(),
    Column("discounts", JSONB, comment="on the subscription, as shown: ids or objects"),
    Column("incomplete", Boolean, nullable=False, comment="Stripe cut the list of items short"),
    Column(
        "depends_on",
        ARRAY(Text),
        nullable=False,
        comment="discounts, coupons and prices that the amounts rest on, too",
    ),
    Column("missing", ARRAY(Text), nullable=False, comment="what of them is not known yet"),
    Column(
        "last_in_second",
        Boolean,
        nullable=False,
        comment="no other state of that second came after it",
    ),
    Column(
        "provisional",
        Boolean,
        nullable=False,
        comment="an older event could still change which state came last",
    ),
    Index("subscription_history_subscription_idx", "subscription", "state_at"),
    # In the order in which the view reads them.
    Index(
        "subscription_history_customer_idx",
        "customer",
        "account",
        "subscription",
        "state_at",
        "effective_at",
    ),
    Index(
        "subscription_history_depends_on_idx",
        "depends_on",
        postgresql_using="gin",
        postgresql_where=text("depends_on <> '{}'"),
    ),
    Index(
        "subscription_history_provisional_idx",
        "subscription",
        postgresql_where=text("provisional"),
    ),
    schema=EVERGREEN,
)

ITEMS = Table(
    "subscription_history_items",
    METADATA,
    *_key(),
    Column("item", Text, primary_key=True),
    Column("price", Text),
    Column("product", Text),
    Column("quantity", BigInteger),
    Column("currency", Text),
    Column("unit_amount_decimal", Text),
    Column("recurring_interval", Text),
    Column("recurring_interval_count", Integer),
    Column("metered", Boolean, nullable=False),
    *_amounts(),
    Column("terms", JSONB, comment="tiers, packages and discounts of the item, as shown"),
    schema=EVERGREEN,
)

# Who stood how from when until when; see docs/decisions/0008.
STATES = table(
    "subscription_states",
    *(column(each.name, each.type) for each in HISTORY.columns),
    column("until", DateTime(timezone=True)),
    schema=EVERGREEN,
)
