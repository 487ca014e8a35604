"""One delivery engine: sinks, debounce, what was sent, pauses of a sink, the log of attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0025"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
OPEN = "state in ('pending', 'leased', 'sending')"
COLUMNS = (
    sa.Column("sink", sa.Text, nullable=False, server_default=""),
    sa.Column("wished_at", TIME),
    sa.Column("hold_until", TIME),
    sa.Column("sent_hash", sa.Text),
    sa.Column("confirm", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("first_sent_at", TIME),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("outbox", column, schema=SCHEMA)
    op.execute(
        "UPDATE evergreen.outbox SET sink = subject ->> 'sink' WHERE subject ->> 'sink' IS NOT NULL"
        " AND state in ('pending', 'leased', 'sending')"
    )
    _states("dismissed")
    op.create_index(
        "outbox_sink_idx",
        "outbox",
        ["channel", "sink", "due_at", "key"],
        schema=SCHEMA,
        postgresql_where=sa.text(OPEN),
    )
    op.create_table(
        "sink_pause",
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("until", TIME, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False, server_default=NOW),
        schema=SCHEMA,
    )
    _attempts()


def _states(*more: str) -> None:
    known = ["pending", "leased", "sending", "sent", "done", "unknown", "skipped", "failed", *more]
    names = ", ".join(f"'{name}'" for name in known)
    op.execute("ALTER TABLE evergreen.outbox DROP CONSTRAINT outbox_state_check")
    op.execute(
        "ALTER TABLE evergreen.outbox ADD CONSTRAINT outbox_state_check"
        f" CHECK (state in ({names})) NOT VALID"
    )
    op.execute("ALTER TABLE evergreen.outbox VALIDATE CONSTRAINT outbox_state_check")


def _attempts() -> None:
    op.create_table(
        "delivery_attempt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False, server_default=NOW),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("ms", sa.Integer, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("http_status", sa.Integer),
        sa.Column("correlation_id", sa.Text),
        schema=SCHEMA,
    )
    op.create_index("delivery_attempt_key_idx", "delivery_attempt", ["key", "id"], schema=SCHEMA)
    op.create_index("delivery_attempt_at_idx", "delivery_attempt", ["at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("delivery_attempt", schema=SCHEMA)
    op.drop_table("sink_pause", schema=SCHEMA)
    op.drop_index("outbox_sink_idx", "outbox", schema=SCHEMA)
    op.execute("UPDATE evergreen.outbox SET state = 'skipped' WHERE state = 'dismissed'")
    _states()
    for column in reversed(COLUMNS):
        op.drop_column("outbox", column.name, schema=SCHEMA)
