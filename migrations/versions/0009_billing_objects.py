"""Tables for the objects around subscriptions and invoices; their rows move in.

Their typed columns stay null until `evergreen reproject`, but for those that other objects are
found by at once.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SCHEMA = "stripe"
TIME = sa.DateTime(timezone=True)
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "": sa.Text(),
    "time": TIME,
    "bigint": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "numeric": sa.Numeric(),
    "texts": ARRAY(sa.Text),
}

# table -> the objects it is for
OBJECTS = {
    "active_entitlement_summaries": "entitlements.active_entitlement_summary",
    "billing_meters": "billing.meter",
    "coupons": "coupon",
    "credit_notes": "credit_note",
    "discounts": "discount",
    "invoice_items": "invoiceitem",
    "invoice_payments": "invoice_payment",
    "plans": "plan",
    "promotion_codes": "promotion_code",
    "quotes": "quote",
    "subscription_schedules": "subscription_schedule",
    "tax_ids": "tax_id",
    "tax_rates": "tax_rate",
    "test_clocks": "test_helpers.test_clock",
}
# table -> its own columns by type, text unless said, in the order in which they stand
TABLES = {
    "active_entitlement_summaries": "customer",
    "active_entitlements": "customer feature lookup_key",
    "billing_meters": (
        "created:time updated:time display_name event_name status"
        " default_aggregation_formula event_time_window customer_payload_key"
        " value_payload_key deactivated_at:time"
    ),
    "coupons": (
        "created:time name percent_off:numeric amount_off_minor:bigint currency duration"
        " duration_in_months:bigint max_redemptions:bigint times_redeemed:bigint"
        " redeem_by:time valid:boolean"
    ),
    "credit_note_line_items": (
        "credit_note invoice_line_item type description quantity:bigint currency"
        " amount_minor:bigint unit_amount_minor:bigint unit_amount_decimal"
        " discount_minor:bigint"
    ),
    "credit_notes": (
        "created:time customer invoice status number type reason memo currency"
        " amount_minor:bigint subtotal_minor:bigint total_minor:bigint tax_minor:bigint"
        " discount_minor:bigint out_of_band_amount_minor:bigint refunds:texts"
        " customer_balance_transaction effective_at:time voided_at:time pdf"
    ),
    "discounts": (
        "coupon promotion_code customer subscription subscription_item invoice"
        " invoice_item checkout_session starts_at:time ends_at:time"
    ),
    "invoice_items": (
        "date:time customer invoice subscription subscription_item price product"
        " description quantity:bigint currency amount_minor:bigint proration:boolean"
        " discountable:boolean period_start:time period_end:time test_clock"
    ),
    "invoice_payments": (
        "created:time invoice status payment_type payment_intent charge payment_record"
        " currency amount_requested_minor:bigint amount_paid_minor:bigint"
        " is_default:boolean paid_at:time canceled_at:time"
    ),
    "plans": (
        "created:time product active:boolean currency amount_minor:bigint amount_decimal"
        " interval interval_count:bigint billing_scheme tiers_mode usage_type meter"
        " trial_period_days:bigint nickname"
    ),
    "promotion_codes": (
        "created:time code coupon customer active:boolean expires_at:time"
        " max_redemptions:bigint times_redeemed:bigint first_time_transaction:boolean"
        " minimum_amount_minor:bigint minimum_amount_currency"
    ),
    "quotes": (
        "created:time customer status number description collection_method currency"
        " amount_subtotal_minor:bigint amount_total_minor:bigint discount_minor:bigint"
        " tax_minor:bigint invoice subscription subscription_schedule from_quote"
        " expires_at:time finalized_at:time accepted_at:time canceled_at:time test_clock"
    ),
    "subscription_schedules": (
        "created:time customer subscription released_subscription status end_behavior"
        " collection_method current_phase_start:time current_phase_end:time starts_at:time"
        " ends_at:time prices:texts canceled_at:time completed_at:time released_at:time"
        " test_clock"
    ),
    "tax_ids": "created:time customer type value country verification_status",
    "tax_rates": (
        "created:time display_name description active:boolean inclusive:boolean"
        " percentage:numeric country state jurisdiction tax_type"
    ),
    "test_clocks": "created:time name status frozen_time:time deletes_after:time",
}
INDEXED = {
    "active_entitlements": "customer feature lookup_key",
    "billing_meters": "event_name",
    "credit_note_line_items": "credit_note invoice_line_item",
    "credit_notes": "customer invoice",
    "discounts": "coupon customer invoice promotion_code subscription",
    "invoice_items": "customer invoice price subscription",
    "invoice_payments": "charge invoice payment_intent",
    "plans": "product",
    "promotion_codes": "code coupon customer",
    "quotes": "customer invoice subscription",
    "subscription_schedules": "customer released_subscription subscription",
    "tax_ids": "customer",
}
COMMENTS = {
    ("active_entitlement_summaries", "customer"): "the same as id",
    ("billing_meters", "default_aggregation_formula"): "such as `sum`",
    ("billing_meters", "customer_payload_key"): "where a meter event names the customer",
    ("billing_meters", "value_payload_key"): "where a meter event holds the amount used",
    ("coupons", "currency"): "of amount_off_minor",
    ("coupons", "valid"): "whether it can still be redeemed",
    ("credit_note_line_items", "invoice_line_item"): "null for a line of its own",
    ("credit_note_line_items", "currency"): "of the credit note",
    ("credit_note_line_items", "unit_amount_decimal"): "in minor units",
    ("credit_notes", "type"): "before or after the invoice was paid",
    ("credit_notes", "amount_minor"): "with tax",
    ("discounts", "starts_at"): "Stripe's `start`",
    ("discounts", "ends_at"): "Stripe's `end`; null: no end is set",
    ("invoice_items", "date"): "when it was created",
    ("invoice_items", "invoice"): "null while it waits for the next one",
    ("invoice_payments", "payment_type"): "which of the next three columns is set",
    ("invoice_payments", "amount_paid_minor"): "null until it is paid",
    ("invoice_payments", "is_default"): "whether Stripe itself made it to collect the invoice",
    ("plans", "amount_minor"): "null with tiers or a fraction of the minor unit",
    ("plans", "amount_decimal"): "in minor units",
    ("promotion_codes", "customer"): "who alone may redeem it; null: anybody",
    ("promotion_codes", "first_time_transaction"): "only for who never paid before",
    ("quotes", "from_quote"): "the quote that this one revises or copies",
    ("subscription_schedules", "starts_at"): "start of the first phase",
    ("subscription_schedules", "ends_at"): "end of the last phase",
    ("subscription_schedules", "prices"): "of all phases, in the order of their first use",
    ("tax_ids", "customer"): "null when the id is the account's own",
    ("tax_ids", "type"): "such as `eu_vat`",
    ("tax_rates", "inclusive"): "whether prices contain it already",
    ("test_clocks", "frozen_time"): "what time it is for its objects",
}
# Children's tables: who they belong to is always known.
REQUIRED = {("active_entitlements", "customer"), ("credit_note_line_items", "credit_note")}
# What every mirror table has, beside the id.
SHARED = (
    "account, livemode, data, as_of, as_of_event_id, source, provisional, undecided,"
    " incomplete, deleted_at"
)
# What `other_objects` has, too.
KNOWN = ("created", "customer", "status")


def _id_in(*path: str) -> str:
    """Return the SQL for the id behind an id or an expanded object."""
    place = ", ".join(path)
    return f"coalesce(data #>> '{{{place}, id}}', data #>> '{{{place}}}')"


# What joins payments to invoices, which no mail and no stock count can wait for.
FILLED = {
    "credit_notes": {"invoice": _id_in("invoice")},
    "invoice_payments": {
        "invoice": _id_in("invoice"),
        "payment_intent": _id_in("payment", "payment_intent"),
        "charge": _id_in("payment", "charge"),
    },
}


def upgrade() -> None:
    for table in TABLES:
        _create(table)
    for table in OBJECTS:
        _move_in(table)


def downgrade() -> None:
    for table in OBJECTS:
        _move_out(table)
    for table in TABLES:
        op.drop_table(table, schema=SCHEMA)


def _create(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        *(_own_column(table, *each) for each in _columns(table)),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("as_of", TIME, nullable=False),
        sa.Column("as_of_event_id", sa.Text),
        sa.Column("source", sa.Text, nullable=False, server_default="event"),
        sa.Column("provisional", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("undecided", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("deleted_at", TIME),
        schema=SCHEMA,
    )
    for column in INDEXED.get(table, "").split():
        op.create_index(f"{table}_{column}_idx", table, [column], schema=SCHEMA)


def _columns(table: str) -> list[tuple[str, str]]:
    return [each.partition(":")[::2] for each in TABLES[table].split()]


def _own_column(table: str, name: str, kind: str) -> sa.Column[Any]:
    required, comment = (table, name) in REQUIRED, COMMENTS.get((table, name))
    return sa.Column(name, TYPES[kind], nullable=not required, comment=comment)


def _shared_with_others(table: str) -> list[str]:
    return [name for name, _ in _columns(table) if name in KNOWN]


def _move_in(table: str) -> None:
    values = {name: name for name in _shared_with_others(table)} | FILLED.get(table, {})
    # A summary has no id of its own: it stands under its customer's.
    object_id = _id_in("customer") if table == "active_entitlement_summaries" else "id"
    op.execute(f"""
        WITH moving AS (
          DELETE FROM stripe.other_objects WHERE object = '{OBJECTS[table]}' RETURNING *
        )
        INSERT INTO stripe.{table} ({", ".join(["id", *values, SHARED])})
        SELECT {", ".join([object_id, *values.values(), SHARED])} FROM moving""")  # noqa: S608 — names of this file


def _move_out(table: str) -> None:
    op.execute(f"""
        INSERT INTO stripe.other_objects (id, object, created, customer, status, {SHARED})
        SELECT id, '{OBJECTS[table]}',
               CASE jsonb_typeof(data -> 'created')
                 WHEN 'number' THEN to_timestamp((data ->> 'created')::float8) END,
               {_id_in("customer")}, data ->> 'status', {SHARED}
          FROM stripe.{table}""")  # noqa: S608 — names of this file
