"""More columns that people query, on the mirror's first tables; `reproject` fills them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "stripe"
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "time": sa.DateTime(timezone=True),
    "bigint": sa.BigInteger(),
    "integer": sa.Integer(),
    "boolean": sa.Boolean(),
}

# table -> its new columns by type
COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "customers": (
        ("default_source", "text"),
        ("description", "text"),
        ("invoice_prefix", "text"),
        ("tax_exempt", "text"),
        ("test_clock", "text"),
    ),
    "invoice_line_items": (
        ("tax_minor", "bigint"),
        ("discount_minor", "bigint"),
        ("invoice_item", "text"),
    ),
    "invoices": (
        ("invoice_pdf", "text"),
        ("customer_email", "text"),
        ("description", "text"),
        ("default_payment_method", "text"),
        ("quote", "text"),
        ("from_invoice", "text"),
        ("receipt_number", "text"),
        ("auto_advance", "boolean"),
        ("attempted", "boolean"),
        ("period_start", "time"),
        ("period_end", "time"),
        ("marked_uncollectible_at", "time"),
        ("tax_minor", "bigint"),
        ("discount_minor", "bigint"),
        ("starting_balance_minor", "bigint"),
        ("ending_balance_minor", "bigint"),
        ("pre_payment_credit_notes_minor", "bigint"),
        ("post_payment_credit_notes_minor", "bigint"),
    ),
    "prices": (
        ("billing_scheme", "text"),
        ("tiers_mode", "text"),
        ("tax_behavior", "text"),
        ("meter", "text"),
    ),
    "products": (
        ("type", "text"),
        ("shippable", "boolean"),
        ("tax_code", "text"),
        ("unit_label", "text"),
        ("updated", "time"),
    ),
    "subscription_items": (
        ("unit_amount_decimal", "text"),
        ("usage_type", "text"),
    ),
    "subscriptions": (
        ("billing_cycle_anchor", "time"),
        ("days_until_due", "integer"),
        ("description", "text"),
        ("pause_collection_resumes_at", "time"),
        ("pending_setup_intent", "text"),
        ("schedule", "text"),
        ("test_clock", "text"),
    ),
}
COMMENTS = {
    ("customers", "invoice_prefix"): "What the numbers of the customer's invoices begin with",
    ("invoice_line_items", "discount_minor"): "Null where an old event did not tell it",
    ("invoice_line_items", "invoice_item"): "What waited for the invoice and became this line",
    ("invoice_line_items", "tax_minor"): "All taxes, those inside the price too",
    ("invoices", "discount_minor"): "Null where an old event did not tell it",
    ("invoices", "ending_balance_minor"): "The customer's balance after it; null for a draft",
    ("invoices", "from_invoice"): "The invoice that this one revises",
    ("invoices", "post_payment_credit_notes_minor"): "Credited after it was paid",
    ("invoices", "pre_payment_credit_notes_minor"): "Credited before it was paid",
    ("invoices", "starting_balance_minor"): "The balance before it; below zero: a credit",
    ("invoices", "tax_minor"): "All taxes, those inside the prices too",
    ("subscription_items", "unit_amount_decimal"): "In minor units",
    ("subscriptions", "pending_setup_intent"): "Set while the customer has to confirm a method",
}


def upgrade() -> None:
    """Add the columns, empty."""
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            column = sa.Column(name, TYPES[kind], comment=COMMENTS.get((table, name)))
            op.add_column(table, column, schema=SCHEMA)


def downgrade() -> None:
    """Take the columns away; what they showed is still in `data`."""
    for table, columns in COLUMNS.items():
        for name, _ in reversed(columns):
            op.drop_column(table, name, schema=SCHEMA)
