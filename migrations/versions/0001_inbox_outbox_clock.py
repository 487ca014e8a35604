"""The inbox, the outbox and the simulated clock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    _inbox()
    _outbox()
    op.create_table(
        "clock",
        sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("now_at", TIME, nullable=False),
        sa.Column("target_at", TIME, nullable=False),
        sa.CheckConstraint("only_row", name="only_row"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("clock", "outbox", "inbox_other_bytes", "inbox"):
        op.drop_table(table, schema=SCHEMA)


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
        sa.Column("type", sa.Text),
        sa.Column("object_id", sa.Text),
        sa.Column("created", TIME),
        sa.Column("api_version", sa.Text),
        sa.Column("livemode", sa.Boolean),
        sa.Column("slot", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("received_at", TIME, nullable=False, server_default=NOW),
        sa.Column("deliveries", sa.Integer, nullable=False, server_default="1"),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", TIME),
        sa.Column("lease_token", sa.Uuid),
        sa.Column("lease_until", TIME),
        sa.Column("last_error", sa.Text),
        sa.Column("done_at", TIME),
        sa.CheckConstraint("state in ('pending', 'done', 'parked', 'dead')", name="state"),
        sa.UniqueConstraint("event_id", "account"),
        schema=SCHEMA,
    )
    op.create_index(
        "inbox_pending_idx",
        "inbox",
        ["seq"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index("inbox_object_id_created_idx", "inbox", ["object_id", "created"], schema=SCHEMA)
    # Compressing a payload costs four times what storing it costs, and buys only disk.
    op.execute("ALTER TABLE evergreen.inbox ALTER COLUMN payload SET STORAGE EXTERNAL")
    op.create_table(
        "inbox_other_bytes",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("payload_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("received_at", TIME, nullable=False, server_default=NOW),
        schema=SCHEMA,
    )


_STATES = "('pending', 'leased', 'sending', 'sent', 'done', 'unknown', 'skipped', 'failed')"


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("shape", sa.Text, nullable=False, server_default="once"),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
        sa.Column("livemode", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("customer_id", sa.Text),
        sa.Column("subject", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("event_id", sa.Text),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("reason", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", TIME),
        sa.Column("lease_token", sa.Uuid),
        sa.Column("lease_until", TIME),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("remote_id", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.Column("ended_at", TIME),
        sa.Column("settled_at", TIME),
        sa.CheckConstraint(f"state in {_STATES}", name="state"),
        schema=SCHEMA,
    )
    op.create_index(
        "outbox_open_idx",
        "outbox",
        ["due_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("state in ('pending', 'leased', 'sending')"),
    )
    op.create_index("outbox_customer_id_idx", "outbox", ["customer_id", "due_at"], schema=SCHEMA)
