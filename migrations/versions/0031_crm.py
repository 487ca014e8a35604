"""CRM: who is who over there, when to look again, and whose subscriptions hold a product."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"


def upgrade() -> None:
    op.create_table(
        "crm_link",
        sa.Column("sink", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("told", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        schema=SCHEMA,
    )
    op.create_index("crm_link_remote_id_idx", "crm_link", ["sink", "remote_id"], schema=SCHEMA)
    op.create_table(
        "crm_look",
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("crm_look_look_at_idx", "crm_look", ["look_at"], schema=SCHEMA)
    op.create_index(
        "subscription_items_product_idx", "subscription_items", ["product"], schema="stripe"
    )


def downgrade() -> None:
    op.drop_index("subscription_items_product_idx", "subscription_items", schema="stripe")
    for table in ("crm_look", "crm_link"):
        op.drop_table(table, schema=SCHEMA)
