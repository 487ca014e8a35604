"""Which variant of an experiment a mail was, and what the daily digest counts by."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("variant", sa.Text), schema=SCHEMA)
    op.create_index(
        "outbox_variant_idx",
        "outbox",
        ["variant"],
        schema=SCHEMA,
        postgresql_where=sa.text("variant IS NOT NULL"),
    )
    op.create_index(
        "outbox_mail_settled_at_idx",
        "outbox",
        ["settled_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("channel = 'mail'"),
    )


def downgrade() -> None:
    op.drop_index("outbox_mail_settled_at_idx", "outbox", schema=SCHEMA)
    op.drop_index("outbox_variant_idx", "outbox", schema=SCHEMA)
    op.drop_column("outbox", "variant", schema=SCHEMA)
