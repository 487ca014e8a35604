"""The mirror: schema `stripe`, one table per Stripe object, named as Stripe names them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "stripe"
TIME = sa.DateTime(timezone=True)
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "time": TIME,
    "bigint": sa.BigInteger(),
    "integer": sa.Integer(),
    "boolean": sa.Boolean(),
    "texts": ARRAY(sa.Text),
}

# table -> its own columns by type, in the order in which they stand
TABLES: dict[str, tuple[tuple[str, str], ...]] = {
    "customers": (
        ("created", "time"),
        ("email", "text"),
        ("name", "text"),
        ("phone", "text"),
        ("currency", "text"),
        ("balance_minor", "bigint"),
        ("delinquent", "boolean"),
        ("country", "text"),
        ("preferred_locales", "texts"),
        ("default_payment_method", "text"),
    ),
    "invoice_line_items": (
        ("invoice", "text"),
        ("subscription", "text"),
        ("subscription_item", "text"),
        ("price", "text"),
        ("product", "text"),
        ("description", "text"),
        ("quantity", "bigint"),
        ("currency", "text"),
        ("amount_minor", "bigint"),
        ("proration", "boolean"),
        ("period_start", "time"),
        ("period_end", "time"),
    ),
    "invoices": (
        ("created", "time"),
        ("customer", "text"),
        ("subscription", "text"),
        ("status", "text"),
        ("number", "text"),
        ("billing_reason", "text"),
        ("collection_method", "text"),
        ("currency", "text"),
        ("amount_due_minor", "bigint"),
        ("amount_paid_minor", "bigint"),
        ("amount_remaining_minor", "bigint"),
        ("subtotal_minor", "bigint"),
        ("total_minor", "bigint"),
        ("attempt_count", "integer"),
        ("next_payment_attempt", "time"),
        ("due_date", "time"),
        ("finalized_at", "time"),
        ("paid_at", "time"),
        ("voided_at", "time"),
        ("hosted_invoice_url", "text"),
    ),
    "other_objects": (
        ("object", "text"),
        ("created", "time"),
        ("customer", "text"),
        ("status", "text"),
    ),
    "prices": (
        ("created", "time"),
        ("product", "text"),
        ("active", "boolean"),
        ("currency", "text"),
        ("unit_amount_minor", "bigint"),
        ("unit_amount_decimal", "text"),
        ("type", "text"),
        ("recurring_interval", "text"),
        ("recurring_interval_count", "integer"),
        ("usage_type", "text"),
        ("nickname", "text"),
        ("lookup_key", "text"),
        ("sku", "text"),
    ),
    "products": (
        ("created", "time"),
        ("name", "text"),
        ("description", "text"),
        ("active", "boolean"),
        ("default_price", "text"),
        ("sku", "text"),
    ),
    "subscription_items": (
        ("created", "time"),
        ("subscription", "text"),
        ("price", "text"),
        ("product", "text"),
        ("quantity", "bigint"),
        ("currency", "text"),
        ("unit_amount_minor", "bigint"),
        ("recurring_interval", "text"),
        ("recurring_interval_count", "integer"),
        ("current_period_start", "time"),
        ("current_period_end", "time"),
    ),
    "subscriptions": (
        ("created", "time"),
        ("customer", "text"),
        ("status", "text"),
        ("collection_method", "text"),
        ("currency", "text"),
        ("current_period_start", "time"),
        ("current_period_end", "time"),
        ("start_date", "time"),
        ("trial_start", "time"),
        ("trial_end", "time"),
        ("cancel_at_period_end", "boolean"),
        ("cancel_at", "time"),
        ("canceled_at", "time"),
        ("ended_at", "time"),
        ("cancellation_reason", "text"),
        ("cancellation_feedback", "text"),
        ("pause_collection_behavior", "text"),
        ("default_payment_method", "text"),
        ("latest_invoice", "text"),
    ),
}
INDEXED = (
    ("customers", "email"),
    ("invoice_line_items", "invoice"),
    ("invoice_line_items", "price"),
    ("invoices", "customer"),
    ("invoices", "status"),
    ("invoices", "subscription"),
    ("other_objects", "customer"),
    ("prices", "product"),
    ("subscription_items", "price"),
    ("subscription_items", "subscription"),
    ("subscriptions", "current_period_end"),
    ("subscriptions", "customer"),
    ("subscriptions", "ended_at"),
)
# What stands in a key beside id and account.
KEYED = {"other_objects": "object", "invoice_line_items": "invoice"}
REQUIRED = {"subscription_items": "subscription"}


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS stripe")
    for name, columns in TABLES.items():
        op.create_table(
            name,
            sa.Column("id", sa.Text, primary_key=True),
            sa.Column("account", sa.Text, primary_key=True, server_default=""),
            *(_own_column(name, *column) for column in columns),
            sa.Column("livemode", sa.Boolean, nullable=False),
            sa.Column("data", JSONB, nullable=False),
            sa.Column("as_of", TIME, nullable=False),
            sa.Column("as_of_event_id", sa.Text),
            sa.Column("source", sa.Text, nullable=False, server_default="event"),
            sa.Column("provisional", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("undecided", sa.Boolean, nullable=False, server_default=sa.false()),
            sa.Column("deleted_at", TIME),
            schema=SCHEMA,
        )
    for table, column in INDEXED:
        op.create_index(f"{table}_{column}_idx", table, [column], schema=SCHEMA)


def downgrade() -> None:
    for name in TABLES:
        op.drop_table(name, schema=SCHEMA)


def _own_column(table: str, name: str, kind: str) -> sa.Column[Any]:
    keyed = KEYED.get(table) == name
    required = keyed or REQUIRED.get(table) == name
    return sa.Column(name, TYPES[kind], primary_key=keyed, nullable=not required)
