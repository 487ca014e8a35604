"""The budget of reads from Stripe's API that all processes share."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_budget",
        sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reads", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("refused", sa.BigInteger, nullable=False, server_default="0"),
        sa.CheckConstraint("only_row", name="only_row"),
        schema="evergreen",
    )


def downgrade() -> None:
    op.drop_table("api_budget", schema="evergreen")
