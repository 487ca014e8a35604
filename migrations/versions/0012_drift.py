"""How far the mirror was found from Stripe."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("object", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("mode", sa.Text, primary_key=True),
        sa.Column("checked", sa.Integer, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
        sa.Column("stale", sa.Integer, nullable=False),
        sa.Column("zombie", sa.Integer, nullable=False),
        sa.Column("repaired", sa.Integer, nullable=False),
        sa.Column(
            "checked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.CheckConstraint("mode in ('full', 'sample')", name="mode"),
        schema=SCHEMA,
    )
    op.create_table(
        "listed",
        sa.Column("object", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("listed", schema=SCHEMA)
    op.drop_table("drift", schema=SCHEMA)
