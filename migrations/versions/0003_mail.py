"""Mail: who must not be written to, and the indexes that the scans for due mail read."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"


def upgrade() -> None:
    op.create_table(
        "suppression",
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("account", sa.Text, nullable=False, server_default=""),
        sa.Column("customer_id", sa.Text),
        sa.Column("address_hash", sa.Text),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.CheckConstraint("num_nonnulls(customer_id, address_hash) = 1", name="one_subject"),
        sa.UniqueConstraint(
            "customer_id",
            "address_hash",
            "account",
            "topic",
            name="suppression_customer_id_address_hash_account_topic_key",
            postgresql_nulls_not_distinct=True,
        ),
        schema=SCHEMA,
    )
    op.create_index("suppression_address_hash_idx", "suppression", ["address_hash"], schema=SCHEMA)
    op.create_index(
        "subscription_items_renewal_idx",
        "subscription_items",
        ["recurring_interval", "current_period_end"],
        schema="stripe",
        postgresql_include=["subscription", "account", "livemode", "unit_amount_minor", "quantity"],
    )
    op.create_index(
        "other_objects_dispute_charge_idx",
        "other_objects",
        [sa.text("(data ->> 'charge')")],
        schema="stripe",
        postgresql_using="hash",
        postgresql_where=sa.text("object = 'dispute'"),
    )


def downgrade() -> None:
    op.drop_index("other_objects_dispute_charge_idx", "other_objects", schema="stripe")
    op.drop_index("subscription_items_renewal_idx", "subscription_items", schema="stripe")
    op.drop_table("suppression", schema=SCHEMA)
