"""Claims of inbox rows: one row per batch, instead of an update of each event."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claim",
        sa.Column("lease", sa.Uuid, primary_key=True),
        sa.Column("seqs", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        schema="evergreen",
    )


def downgrade() -> None:
    op.drop_table("claim", schema="evergreen")
