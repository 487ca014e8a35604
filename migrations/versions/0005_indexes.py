"""Indexes for what workers and operators look for among millions of rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "inbox_tried_idx",
        "inbox",
        ["seq"],
        schema="evergreen",
        postgresql_where=sa.text("state = 'pending' and attempts > 0"),
    )
    op.create_index(
        "inbox_set_aside_idx",
        "inbox",
        ["state", "seq"],
        schema="evergreen",
        postgresql_where=sa.text("state in ('parked', 'dead')"),
    )
    op.create_index(
        "inbox_payment_failed_idx",
        "inbox",
        ["seq"],
        schema="evergreen",
        postgresql_include=["object_id", "account"],
        postgresql_where=sa.text("type = 'invoice.payment_failed'"),
    )
    op.create_index(
        "outbox_channel_due_at_idx",
        "outbox",
        ["channel", "due_at", "key"],
        schema="evergreen",
        postgresql_include=["kind", "state"],
    )
    op.create_index(
        "subscriptions_past_due_idx",
        "subscriptions",
        ["as_of", "id", "account"],
        schema="stripe",
        postgresql_where=sa.text("status = 'past_due'"),
    )


def downgrade() -> None:
    op.drop_index("subscriptions_past_due_idx", "subscriptions", schema="stripe")
    op.drop_index("outbox_channel_due_at_idx", "outbox", schema="evergreen")
    op.drop_index("inbox_payment_failed_idx", "inbox", schema="evergreen")
    op.drop_index("inbox_set_aside_idx", "inbox", schema="evergreen")
    op.drop_index("inbox_tried_idx", "inbox", schema="evergreen")
