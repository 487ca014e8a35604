"""The history of subscription states, their items, and the view that tells who stood how when."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = "evergreen"
TIME = sa.DateTime(timezone=True)

# A subscription never changes its customer, and one customer is what people ask for. Rows of
# one state stand together in (state_at, effective_at); a state's rows end where the
# next state of the subscription begins.
STATES = """
CREATE VIEW evergreen.subscription_states AS
SELECT {columns}, least(next_row_at, next_state_at) AS until
FROM (
    SELECT *,
        lead(effective_at) OVER (
            PARTITION BY customer, account, subscription ORDER BY state_at, effective_at
        ) AS next_row_at,
        first_value(state_at) OVER (
            PARTITION BY customer, account, subscription ORDER BY state_at
            GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING
        ) AS next_state_at
    FROM evergreen.subscription_history
    WHERE last_in_second
) AS placed
WHERE next_state_at IS NULL OR effective_at < next_state_at
"""


def upgrade() -> None:
    history = _history()
    op.create_table("subscription_history", *history, schema=SCHEMA)
    op.create_table(
        "subscription_history_items",
        *_key(),
        sa.Column("item", sa.Text, primary_key=True),
        sa.Column("price", sa.Text),
        sa.Column("product", sa.Text),
        sa.Column("quantity", sa.BigInteger),
        sa.Column("currency", sa.Text),
        sa.Column("unit_amount_decimal", sa.Text),
        sa.Column("recurring_interval", sa.Text),
        sa.Column("recurring_interval_count", sa.Integer),
        sa.Column("metered", sa.Boolean, nullable=False),
        *_amounts(),
        sa.Column("terms", JSONB, comment="tiers, packages and discounts of the item, as shown"),
        schema=SCHEMA,
    )
    _indexes()
    op.execute(STATES.format(columns=", ".join(column.name for column in history)))


def downgrade() -> None:
    op.execute("DROP VIEW evergreen.subscription_states")
    op.drop_table("subscription_history_items", schema=SCHEMA)
    op.drop_table("subscription_history", schema=SCHEMA)


def _indexes() -> None:
    table = "subscription_history"
    op.create_index(f"{table}_subscription_idx", table, ["subscription", "state_at"], schema=SCHEMA)
    placed = ["customer", "account", "subscription", "state_at", "effective_at"]
    op.create_index(f"{table}_customer_idx", table, placed, schema=SCHEMA)
    op.create_index(
        f"{table}_depends_on_idx",
        table,
        ["depends_on"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_where=sa.text("depends_on <> '{}'"),
    )
    op.create_index(
        f"{table}_provisional_idx",
        table,
        ["subscription"],
        schema=SCHEMA,
        postgresql_where=sa.text("provisional"),
    )


def _key() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        sa.Column(
            "event_id",
            sa.Text,
            primary_key=True,
            comment="`api:<subscription>:<second>` if read",
        ),
        sa.Column("subscription", sa.Text, primary_key=True),
        sa.Column(
            "effective_at",
            TIME,
            primary_key=True,
            comment="from when the row holds; after `state_at`: a discount begins or ends then",
        ),
    )


def _amounts() -> tuple[sa.Column[int], ...]:
    comments = {
        "mrr_list_micro_minor": "before discounts",
        "mrr_net_forever_micro_minor": "less coupons that run for ever",
        "mrr_net_all_micro_minor": "less all coupons in force",
    }
    return tuple(
        sa.Column(name, sa.BigInteger, nullable=False, comment=comment)
        for name, comment in comments.items()
    )


def _history() -> tuple[sa.Column[Any], ...]:
    return (
        *_key(),
        sa.Column("state_at", TIME, nullable=False, comment="Stripe's time"),
        sa.Column("recorded_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("source", sa.Text, nullable=False, comment="event, api or discount"),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("customer", sa.Text),
        sa.Column(
            "status", sa.Text, comment="Stripe's; `gone`: the API knows no such subscription"
        ),
        sa.Column("pause_collection_behavior", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("cancel_at_period_end", sa.Boolean),
        sa.Column("cancel_at", TIME),
        sa.Column("canceled_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("cancellation_reason", sa.Text),
        sa.Column("trial_end", TIME),
        *_amounts(),
        sa.Column("discounts", JSONB, comment="on the subscription, as shown: ids or objects"),
        sa.Column(
            "incomplete", sa.Boolean, nullable=False, comment="Stripe cut the list of items short"
        ),
        sa.Column(
            "depends_on",
            ARRAY(sa.Text),
            nullable=False,
            comment="discounts, coupons and prices that the amounts rest on, too",
        ),
        sa.Column(
            "missing", ARRAY(sa.Text), nullable=False, comment="what of them is not known yet"
        ),
        sa.Column(
            "last_in_second",
            sa.Boolean,
            nullable=False,
            comment="no other state of that second came after it",
        ),
        sa.Column(
            "provisional",
            sa.Boolean,
            nullable=False,
            comment="an older event could still change which state came last",
        ),
    )
