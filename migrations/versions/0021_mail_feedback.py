"""What became of a mail after it left: delivered, bounced, complained about."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COLUMNS = ("delivered_at", "bounced_at", "complained_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("outbox", sa.Column(name, sa.DateTime(timezone=True)), schema="evergreen")
    op.create_index(
        "outbox_message_idx",
        "outbox",
        [sa.text(r"left(encode(sha256(replace(key, '\', '\\')::bytea), 'hex'), 32)")],
        schema="evergreen",
        postgresql_where=sa.text("channel = 'mail'"),
    )


def downgrade() -> None:
    op.drop_index("outbox_message_idx", "outbox", schema="evergreen")
    for name in COLUMNS:
        op.drop_column("outbox", name, schema="evergreen")
