"""Charges: each attempt to take money, failed ones too."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, Text, func

from sync.mirror.shapes import Json, at, boolean, count, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "charges",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("payment_intent", Text),
    Column("payment_method", Text, comment="Also a legacy card or source"),
    Column("status", Text),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("amount_captured_minor", BigInteger),
    Column("amount_refunded_minor", BigInteger),
    Column("paid", Boolean),
    Column("captured", Boolean),
    Column("refunded", Boolean, comment="Wholly; a part shows in amount_refunded_minor"),
    Column("disputed", Boolean),
    Column("balance_transaction", Text),
    Column("description", Text),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("outcome_type", Text),
    Column("outcome_reason", Text, comment="Of a decline its code, of a block the rule's kind"),
    Column("advice_code", Text, comment="What to do after a decline: outcome.advice_code"),
    Column("network_status", Text),
    Column("network_decline_code", Text),
    Column("network_advice_code", Text),
    Column("risk_level", Text),
    Column("risk_score", Integer),
    Column("payment_method_type", Text),
    Column("card_brand", Text),
    Column("card_last4", Text),
    Column("card_exp_month", Integer),
    Column("card_exp_year", Integer),
    Column("card_fingerprint", Text),
    Column("card_country", Text),
    Column("card_funding", Text),
    indexed=("customer", "payment_intent", "created"),
)

# The invoice, as only charges rendered before 2025-03-31.basil name it; not a column, lest a
# charge's row tell its API version. A hash, as a btree refuses long values.
Index(
    "charges_invoice_idx",
    func.coalesce(TABLE.c.data["invoice", "id"].astext, TABLE.c.data["invoice"].astext),
    postgresql_using="hash",
)


def project(charge: Json) -> Row:
    """Return the typed columns of a charge, whatever API version rendered it.

    It names no invoice: since 2025-03-31.basil only `invoice_payments` does, see the view
    `invoice_charges`.
    """
    return {
        "created": instant(charge.get("created")),
        "customer": ref(charge.get("customer")),
        "payment_intent": ref(charge.get("payment_intent")),
        "payment_method": ref(charge.get("payment_method")) or ref(charge.get("source")),
        "status": string(charge.get("status")),
        "currency": string(charge.get("currency")),
        "amount_minor": integer(charge.get("amount")),
        "amount_captured_minor": integer(charge.get("amount_captured")),
        "amount_refunded_minor": integer(charge.get("amount_refunded")),
        "paid": boolean(charge.get("paid")),
        "captured": boolean(charge.get("captured")),
        "refunded": boolean(charge.get("refunded")),
        "disputed": _disputed(charge),
        "balance_transaction": ref(charge.get("balance_transaction")),
        "description": string(charge.get("description")),
        "failure_code": string(charge.get("failure_code")),
        "failure_message": string(charge.get("failure_message")),
        **_outcome(charge),
        **_paid_with(charge),
    }


def _disputed(charge: Json) -> bool | None:
    """Tell whether the customer's bank objected; old charges named the dispute instead."""
    if "disputed" not in charge and "dispute" in charge:
        return charge["dispute"] is not None
    return boolean(charge.get("disputed"))


def _outcome(charge: Json) -> Row:
    return {
        "outcome_type": string(at(charge, "outcome", "type")),
        "outcome_reason": string(at(charge, "outcome", "reason")),
        "advice_code": string(at(charge, "outcome", "advice_code")),
        "network_status": string(at(charge, "outcome", "network_status")),
        "network_decline_code": string(at(charge, "outcome", "network_decline_code")),
        "network_advice_code": string(at(charge, "outcome", "network_advice_code")),
        "risk_level": string(at(charge, "outcome", "risk_level")),
        "risk_score": count(at(charge, "outcome", "risk_score")),
    }


def _paid_with(charge: Json) -> Row:
    """Return the method as it was at the time; the payment method itself may change later."""
    method = at(charge, "payment_method_details")
    card = at(method, "card") or at(method, "card_present")
    return {
        "payment_method_type": string(at(method, "type")),
        "card_brand": string(at(card, "brand")),
        "card_last4": string(at(card, "last4")),
        "card_exp_month": count(at(card, "exp_month")),
        "card_exp_year": count(at(card, "exp_year")),
        "card_fingerprint": string(at(card, "fingerprint")),
        "card_country": string(at(card, "country")),
        "card_funding": string(at(card, "funding")),
    }


def _embedded(charge: Json) -> list[Json]:
    """Return the review of a charge: a closed one is in no list."""
    review = charge.get("review")
    return [review] if isinstance(review, dict) else []


OBJECT = MirroredObject(
    "charge",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/charges", one="/v1/charges/{id}", expand=("review",)),
    embedded=_embedded,
)
