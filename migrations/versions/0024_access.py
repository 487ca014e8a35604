"""Access: where every customer stands, how it changed, and receivers that are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
STATES = "state in ('none', 'ok', 'grace', 'restricted', 'suspended')"


def upgrade() -> None:
    _standing()
    _history()
    op.create_table(
        "webhook_gone",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("gone_at", TIME, nullable=False),
        schema=SCHEMA,
    )


def _standing() -> None:
    op.create_table(
        "access",
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", TIME),
        sa.Column("until", TIME),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("look_at", TIME),
        sa.CheckConstraint(STATES, name="state"),
        schema=SCHEMA,
    )
    op.create_index(
        "access_look_at_idx",
        "access",
        ["look_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )


def _history() -> None:
    op.create_table(
        "access_history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", TIME),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text),
        sa.Column("recorded_at", TIME, nullable=False, server_default=sa.text("now()")),
        sa.CheckConstraint(STATES, name="state"),
        schema=SCHEMA,
    )
    op.create_index(
        "access_history_customer_id_idx",
        "access_history",
        ["customer_id", "account", "id"],
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("webhook_gone", "access_history", "access"):
        op.drop_table(table, schema=SCHEMA)
