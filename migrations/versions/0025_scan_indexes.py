"""Indexes for invoices that fall due, and for mails whose end is unclear."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "invoices_due_date_idx",
        "invoices",
        ["due_date"],
        schema="stripe",
        postgresql_where=sa.text("status = 'open' AND collection_method = 'send_invoice'"),
    )
    op.create_index(
        "outbox_unknown_idx",
        "outbox",
        ["ended_at"],
        schema="evergreen",
        postgresql_where=sa.text("state = 'unknown'"),
    )


def downgrade() -> None:
    op.drop_index("outbox_unknown_idx", "outbox", schema="evergreen")
    op.drop_index("invoices_due_date_idx", "invoices", schema="stripe")
