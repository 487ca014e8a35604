"""Tables for the objects around payments; their rows move there out of `other_objects`.

Their typed columns stay null until `evergreen reproject`, but for those that workers read and
cannot do without meanwhile.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "stripe"
TIME = sa.DateTime(timezone=True)
TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "": sa.Text(),
    "time": TIME,
    "bigint": sa.BigInteger(),
    "integer": sa.Integer(),
    "boolean": sa.Boolean(),
}

# table -> the objects it is for
OBJECTS = {
    "charges": "charge",
    "checkout_sessions": "checkout.session",
    "disputes": "dispute",
    "early_fraud_warnings": "radar.early_fraud_warning",
    "payment_intents": "payment_intent",
    "payment_links": "payment_link",
    "payment_methods": "payment_method",
    "payouts": "payout",
    "refunds": "refund",
    "reviews": "review",
    "setup_intents": "setup_intent",
}
# table -> its own columns by type, text unless said, in the order in which they stand
TABLES = {
    "charges": (
        "created:time customer payment_intent payment_method status currency"
        " amount_minor:bigint amount_captured_minor:bigint amount_refunded_minor:bigint"
        " paid:boolean captured:boolean refunded:boolean disputed:boolean"
        " balance_transaction description failure_code failure_message outcome_type"
        " outcome_reason advice_code network_status network_decline_code"
        " network_advice_code risk_level risk_score:integer payment_method_type card_brand"
        " card_last4 card_exp_month:integer card_exp_year:integer card_fingerprint"
        " card_country card_funding"
    ),
    "checkout_sessions": (
        "created:time expires_at:time customer mode status payment_status currency"
        " amount_subtotal_minor:bigint amount_total_minor:bigint"
        " amount_discount_minor:bigint amount_shipping_minor:bigint"
        " amount_tax_minor:bigint invoice payment_intent payment_link setup_intent"
        " subscription client_reference_id recovered_from shipping_country"
    ),
    "disputes": (
        "created:time charge payment_intent status reason network_reason_code case_type"
        " currency amount_minor:bigint is_charge_refundable:boolean evidence_due_by:time"
        " has_evidence:boolean evidence_past_due:boolean evidence_submission_count:integer"
    ),
    "early_fraud_warnings": ("created:time charge payment_intent fraud_type actionable:boolean"),
    "payment_intents": (
        "created:time customer status currency amount_minor:bigint"
        " amount_received_minor:bigint amount_capturable_minor:bigint payment_method"
        " latest_charge description capture_method setup_future_usage next_action_type"
        " last_payment_error_type last_payment_error_code last_payment_error_decline_code"
        " canceled_at:time cancellation_reason"
    ),
    "payment_links": (
        "active:boolean url currency submit_type allow_promotion_codes:boolean"
        " trial_period_days:integer completed_sessions_count:integer"
        " completed_sessions_limit:integer"
    ),
    "payment_methods": (
        "created:time customer type card_brand card_last4 card_exp_month:integer"
        " card_exp_year:integer card_fingerprint card_country card_funding"
        " card_wallet_type"
    ),
    "payouts": (
        "created:time arrival_date:time status currency amount_minor:bigint"
        " automatic:boolean method type source_type destination balance_transaction"
        " reconciliation_status original_payout reversed_by failure_code failure_message"
        " description statement_descriptor"
    ),
    "refunds": (
        "created:time charge payment_intent status currency amount_minor:bigint reason"
        " failure_reason balance_transaction"
    ),
    "reviews": (
        "created:time charge payment_intent open:boolean reason opened_reason closed_reason"
    ),
    "setup_intents": (
        "created:time customer status usage payment_method mandate latest_attempt"
        " description next_action_type last_setup_error_type last_setup_error_code"
        " last_setup_error_decline_code cancellation_reason"
    ),
}
INDEXED = {
    "charges": "created customer payment_intent",
    "checkout_sessions": "created customer invoice payment_intent payment_link subscription",
    "disputes": "charge payment_intent",
    "early_fraud_warnings": "charge payment_intent",
    "payment_intents": "created customer",
    "payment_methods": "card_fingerprint customer",
    "payouts": "arrival_date created",
    "refunds": "charge created payment_intent",
    "reviews": "charge payment_intent",
    "setup_intents": "customer payment_method",
}
COMMENTS = {
    ("charges", "payment_method"): "Also a legacy card or source",
    ("charges", "refunded"): "Wholly; a part shows in amount_refunded_minor",
    ("charges", "outcome_reason"): "Of a decline its code, of a block the rule's kind",
    ("charges", "advice_code"): "What to do after a decline: outcome.advice_code",
    ("checkout_sessions", "client_reference_id"): "The shop's own mark",
    ("checkout_sessions", "recovered_from"): "The expired session that this one took up again",
    ("disputes", "case_type"): "Of cards: chargeback, inquiry and others",
    ("early_fraud_warnings", "actionable"): "A refund may still prevent the dispute",
    ("payment_intents", "latest_charge"): "The last attempt; charges.data[0] until 2022-11-15",
    ("payment_intents", "next_action_type"): "What the customer has to do, such as 3-D Secure",
    ("payment_methods", "customer"): "Null once detached",
    ("payment_methods", "card_fingerprint"): "The same for the same card number",
    ("payouts", "amount_minor"): "Below zero when the bank paid the balance",
    ("refunds", "status"): "Failed and canceled ones gave nothing back",
    ("reviews", "reason"): "The present one: as opened_reason, or as closed_reason",
    ("setup_intents", "next_action_type"): "What the customer has to do, such as 3-D Secure",
}
# What every mirror table has.
SHARED = (
    "id, account, livemode, data, as_of, as_of_event_id, source, provisional, undecided,"
    " incomplete, deleted_at"
)


def _id_in(name: str) -> str:
    return f"coalesce(data #>> '{{{name}, id}}', data ->> '{name}')"


def _number(*path: str) -> str:
    found = f"data #> '{{{', '.join(path)}}}'"
    return f"CASE jsonb_typeof({found}) WHEN 'number' THEN ({found})::bigint END"


# column -> where its value is found at once, if a table has it
FILLED = {
    "created": "created",
    "customer": "customer",
    "status": "status",
    "charge": _id_in("charge"),
    "payment_intent": _id_in("payment_intent"),
    "currency": "data ->> 'currency'",
    "amount_minor": _number("amount"),
    "amount_refunded_minor": _number("amount_refunded"),
    "card_exp_month": _number("card", "exp_month"),
    "card_exp_year": _number("card", "exp_year"),
}


def upgrade() -> None:
    for table in TABLES:
        _create(table)
        _move_in(table)
    for name in OLD_INDEXES:
        op.drop_index(name, "other_objects", schema=SCHEMA)
    op.create_index(
        "charges_invoice_idx",
        "charges",
        [sa.text(_id_in("invoice"))],
        schema=SCHEMA,
        postgresql_using="hash",
    )
    op.execute(INVOICE_CHARGES)


def downgrade() -> None:
    op.execute("DROP VIEW stripe.invoice_charges")
    for name, (value, where) in OLD_INDEXES.items():
        op.create_index(
            name,
            "other_objects",
            [sa.text(value)],
            schema=SCHEMA,
            postgresql_using="hash",
            postgresql_where=sa.text(where),
        )
    for table in TABLES:
        _move_out(table)
        op.drop_table(table, schema=SCHEMA)


def _create(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True, server_default=""),
        *(_own_column(table, *each.partition(":")[::2]) for each in TABLES[table].split()),
        sa.Column("livemode", sa.Boolean, nullable=False),
        sa.Column("data", JSONB, nullable=False),
        sa.Column("as_of", TIME, nullable=False),
        sa.Column("as_of_event_id", sa.Text),
        sa.Column("source", sa.Text, nullable=False, server_default="event"),
        sa.Column("provisional", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("undecided", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("deleted_at", TIME),
        schema=SCHEMA,
    )
    for column in INDEXED.get(table, "").split():
        op.create_index(f"{table}_{column}_idx", table, [column], schema=SCHEMA)


def _own_column(table: str, name: str, kind: str) -> sa.Column[Any]:
    return sa.Column(name, TYPES[kind], comment=COMMENTS.get((table, name)))


def _move_in(table: str) -> None:
    own = [each.partition(":")[0] for each in TABLES[table].split()]
    values = {name: FILLED[name] for name in own if name in FILLED}
    op.execute(f"""
        WITH moving AS (
          DELETE FROM stripe.other_objects WHERE object = '{OBJECTS[table]}' RETURNING *
        )
        INSERT INTO stripe.{table} ({", ".join([*values, SHARED])})
        SELECT {", ".join([*values.values(), SHARED])} FROM moving""")  # noqa: S608 — names of this file


def _move_out(table: str) -> None:
    op.execute(f"""
        INSERT INTO stripe.other_objects (object, created, customer, status, {SHARED})
        SELECT '{OBJECTS[table]}',
               CASE jsonb_typeof(data -> 'created')
                 WHEN 'number' THEN to_timestamp((data ->> 'created')::float8) END,
               {_id_in("customer")}, data ->> 'status', {SHARED}
          FROM stripe.{table}""")  # noqa: S608 — names of this file


# Invoices and the charges that tried to pay them, whichever object of whatever API version
# names the other: since basil a payment of its own, before it each of the two.
INVOICE_CHARGES = f"""
    CREATE VIEW stripe.invoice_charges AS
    WITH tie AS NOT MATERIALIZED (
      SELECT account, invoice, payment_intent, charge
        FROM stripe.invoice_payments WHERE deleted_at IS NULL
       UNION ALL
      SELECT account, id, {_id_in("payment_intent")}, {_id_in("charge")}
        FROM stripe.invoices WHERE data ? 'payment_intent' OR data ? 'charge'
    )
    SELECT tie.account, tie.invoice, charge.payment_intent, charge.id AS charge
      FROM tie JOIN stripe.charges AS charge
        ON charge.account = tie.account AND charge.id = tie.charge
     UNION
    SELECT tie.account, tie.invoice, charge.payment_intent, charge.id
      FROM tie JOIN stripe.charges AS charge
        ON charge.account = tie.account AND charge.payment_intent = tie.payment_intent
     UNION
    SELECT account, {_id_in("invoice")}, payment_intent, id
      FROM stripe.charges WHERE {_id_in("invoice")} IS NOT NULL"""  # noqa: S608 — names of this file


def _either(*names: str, of: str = "data") -> str:
    each = ", ".join(f"({of} -> '{name}') ->> 'id', {of} ->> '{name}'" for name in names)
    return f"coalesce({each})"


# name -> (what was looked up, of which objects)
OLD_INDEXES = {
    "other_objects_dispute_charge_idx": ("(data ->> 'charge')", "object = 'dispute'"),
    "other_objects_invoice_idx": (
        _either("invoice"),
        "object IN ('charge', 'credit_note', 'invoice_payment')",
    ),
    "other_objects_paid_by_idx": (
        _either("payment_intent", "charge", of="(data -> 'payment')"),
        "object = 'invoice_payment'",
    ),
    "other_objects_payment_intent_idx": (
        _either("payment_intent"),
        "object IN ('charge', 'refund')",
    ),
    "other_objects_charge_idx": (_either("charge"), "object = 'refund'"),
}
