"""What is known to be incomplete, what is to be read again, and how far long work is."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
MIRRORED = (
    "customers",
    "invoice_line_items",
    "invoices",
    "other_objects",
    "prices",
    "products",
    "subscription_items",
    "subscriptions",
)


def upgrade() -> None:
    for table in MIRRORED:
        column = sa.Column("incomplete", sa.Boolean, nullable=False, server_default=sa.false())
        op.add_column(table, column, schema="stripe")
    _refetch()
    _progress()


def downgrade() -> None:
    op.drop_table("progress", schema=SCHEMA)
    op.drop_table("refetch", schema=SCHEMA)
    for table in MIRRORED:
        op.drop_column(table, "incomplete", schema="stripe")


def _refetch() -> None:
    op.create_table(
        "refetch",
        sa.Column("object", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("path", sa.Text),
        sa.Column("event_id", sa.Text),
        sa.Column("event_type", sa.Text),
        sa.Column("event_created", TIME),
        sa.Column("asked_at", TIME, nullable=False, server_default=NOW),
        sa.Column("due_at", TIME, nullable=False, server_default=NOW),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("refetch_due_at_idx", "refetch", ["due_at"], schema=SCHEMA)


def _progress() -> None:
    op.create_table(
        "progress",
        sa.Column("task", sa.Text, primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("cursor", sa.Text),
        sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("began_at", TIME, nullable=False, server_default=NOW),
        sa.Column("moved_at", TIME, nullable=False, server_default=NOW),
        sa.Column("finished_at", TIME),
        schema=SCHEMA,
    )
