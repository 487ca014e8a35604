"""Dunning campaigns: one open per customer, their invoices, steps and clicks."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0013"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    _campaign()
    _invoice()
    _step()
    _click()
    _threshold()


def _campaign() -> None:
    op.create_table(
        "dunning_campaign",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("anchor_at", TIME, nullable=False),
        sa.Column("window_s", sa.Integer, nullable=False),
        sa.Column("terminal_at", TIME, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("code", sa.Text),
        sa.Column("asked_at", TIME),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("paid_invoices", sa.Integer, nullable=False),
        sa.Column("recoveries", sa.Integer, nullable=False),
        sa.Column("failing_cycles", sa.Integer, nullable=False),
        sa.Column("valuable", sa.Boolean, nullable=False),
        sa.Column("first_step", sa.Integer, nullable=False, server_default="1"),
        sa.Column("outcome", sa.Text),
        sa.Column("closed_at", TIME),
        sa.Column("credited_key", sa.Text),
        sa.Column("looked_at", TIME, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "dunning_campaign_open_idx",
        "dunning_campaign",
        ["account", "customer_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=OPEN,
    )
    op.create_index(
        "dunning_campaign_customer_id_idx",
        "dunning_campaign",
        ["customer_id", "account"],
        schema=SCHEMA,
    )
    op.create_index(
        "dunning_campaign_terminal_at_idx",
        "dunning_campaign",
        ["terminal_at"],
        schema=SCHEMA,
        postgresql_where=OPEN,
    )


def _invoice() -> None:
    op.create_table(
        "dunning_invoice",
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("invoice", sa.Text, primary_key=True),
        sa.Column("campaign", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("owed_minor", sa.BigInteger, nullable=False),
        sa.Column("failed_at", TIME, nullable=False),
        sa.Column("recovered_minor", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("outcome", sa.Text),
        sa.Column("ended_at", TIME),
        schema=SCHEMA,
    )
    op.create_index("dunning_invoice_campaign_idx", "dunning_invoice", ["campaign"], schema=SCHEMA)


def _step() -> None:
    op.create_table(
        "dunning_step",
        sa.Column("campaign", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        schema=SCHEMA,
    )


def _click() -> None:
    op.create_table(
        "dunning_click",
        sa.Column("message_key", sa.Text, primary_key=True),
        sa.Column("campaign", sa.BigInteger, nullable=False),
        sa.Column("clicked_at", TIME, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("dunning_click_campaign_idx", "dunning_click", ["campaign"], schema=SCHEMA)


def _threshold() -> None:
    op.create_table(
        "dunning_threshold",
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("livemode", sa.Boolean, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("p90_minor", sa.BigInteger),
        sa.Column("counted_at", TIME, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("threshold", "click", "step", "invoice", "campaign"):
        op.drop_table(f"dunning_{table}", schema=SCHEMA)
