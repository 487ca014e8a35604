"""Stock: thresholds per SKU, reservations, standings with notices, gates, and vendors' names."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
TABLES = (
    "stock_remote",
    "stock_gate",
    "stock_notice",
    "stock_standing",
    "stock_reservation_item",
    "stock_reservation",
)
COUNTED_INDEX = "stock_movement_counted_idx"
ITEM_CHECKS = {
    "safety": "safety >= 0",
    "hysteresis": "resume_at > oos_at",
    "policy": "policy in ('always', 'only_if_available', 'partial')",
}


def upgrade() -> None:
    for column in _item_columns():
        op.add_column("stock_item", column, schema=SCHEMA)
    for name, holds in ITEM_CHECKS.items():
        op.create_check_constraint(name, "stock_item", holds, schema=SCHEMA)
    op.add_column("stock_line", sa.Column("subscription_item", sa.Text), schema=SCHEMA)
    op.create_index(
        COUNTED_INDEX,
        "stock_movement",
        ["sku", "location"],
        schema=SCHEMA,
        postgresql_where=sa.text("cause IN ('first_count', 'count')"),
    )
    _reservations()
    _standings()
    _gates()
    op.create_table(
        "stock_remote",
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.CheckConstraint("kind in ('sku', 'location')", name="kind"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema=SCHEMA)
    op.drop_index(COUNTED_INDEX, "stock_movement", schema=SCHEMA)
    op.drop_column("stock_line", "subscription_item", schema=SCHEMA)
    for column in _item_columns():
        op.drop_column("stock_item", column.name, schema=SCHEMA)


def _item_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("track", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("safety", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("oos_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("resume_at", sa.BigInteger, nullable=False, server_default="1"),
        sa.Column("low_at", sa.BigInteger),
        sa.Column("policy", sa.Text, nullable=False, server_default="only_if_available"),
    ]


def _reservations() -> None:
    op.create_table(
        "stock_reservation",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="held"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.CheckConstraint("state in ('held', 'committed', 'released', 'expired')", name="state"),
        schema=SCHEMA,
    )
    op.create_index(
        "stock_reservation_held_idx",
        "stock_reservation",
        ["expires_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "stock_reservation_item",
        sa.Column("reservation", sa.Text, primary_key=True),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.CheckConstraint("quantity >= 0 AND quantity <= asked", name="quantity"),
        schema=SCHEMA,
    )


def _standings() -> None:
    op.create_table(
        "stock_standing",
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("location", sa.Text, primary_key=True),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.CheckConstraint("standing in ('ok', 'low', 'out', 'oversold')", name="standing"),
        schema=SCHEMA,
    )
    op.create_table(
        "stock_notice",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("on_hand", sa.BigInteger, nullable=False),
        sa.Column("available", sa.BigInteger, nullable=False),
        sa.Column("at", TIME, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("stock_notice_at_idx", "stock_notice", ["at"], schema=SCHEMA)


def _gates() -> None:
    op.create_table(
        "stock_gate",
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("target_id", sa.Text, primary_key=True),
        sa.Column("closed_by", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("acted", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("since", TIME, nullable=False),
        schema=SCHEMA,
    )
