"""Indexes for what the lifecycle mails look for among millions of rows."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SCHEMA = "stripe"
# The end of a paid introductory offer, as Stripe writes it: epoch seconds.
TRIAL_ENDS = "((data #>> '{current_trial, end_date}')::bigint)"


def upgrade() -> None:
    op.create_index(
        "subscriptions_trialing_idx",
        "subscriptions",
        ["trial_end"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'trialing'"),
    )
    op.create_index(
        "subscriptions_resumes_at_idx",
        "subscriptions",
        ["pause_collection_resumes_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("pause_collection_resumes_at IS NOT NULL"),
    )
    op.create_index(
        "subscriptions_start_date_idx",
        "subscriptions",
        ["start_date"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('active', 'past_due', 'trialing')"),
    )
    _items()
    op.create_index(
        "discounts_ends_at_idx",
        "discounts",
        ["ends_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("ends_at IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_index(
        "subscription_schedules_next_phase_idx",
        "subscription_schedules",
        ["current_phase_end"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'active' AND ends_at > current_phase_end"),
    )
    op.create_index(
        "payment_methods_expiry_idx",
        "payment_methods",
        ["card_exp_year", "card_exp_month"],
        schema=SCHEMA,
        postgresql_include=["id", "account", "livemode", "customer"],
        postgresql_where=sa.text("customer IS NOT NULL AND card_exp_year IS NOT NULL"),
    )


def _items() -> None:
    op.create_index(
        "subscription_items_long_term_idx",
        "subscription_items",
        ["recurring_interval", "current_period_end"],
        schema=SCHEMA,
        postgresql_where=sa.text("recurring_interval_count >= 12"),
    )
    op.create_index(
        "subscription_items_current_trial_idx",
        "subscription_items",
        [sa.text(TRIAL_ENDS)],
        schema=SCHEMA,
        postgresql_where=sa.text("(data #>> '{current_trial, end_date}') IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("subscription_items_current_trial_idx", "subscription_items", schema=SCHEMA)
    op.drop_index("subscription_items_long_term_idx", "subscription_items", schema=SCHEMA)
    op.drop_index("payment_methods_expiry_idx", "payment_methods", schema=SCHEMA)
    op.drop_index("subscription_schedules_next_phase_idx", "subscription_schedules", schema=SCHEMA)
    op.drop_index("discounts_ends_at_idx", "discounts", schema=SCHEMA)
    op.drop_index("subscriptions_start_date_idx", "subscriptions", schema=SCHEMA)
    op.drop_index("subscriptions_resumes_at_idx", "subscriptions", schema=SCHEMA)
    op.drop_index("subscriptions_trialing_idx", "subscriptions", schema=SCHEMA)
