"""Disputes: a customer's bank wants a payment back."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text

from sync.mirror.shapes import Json, at, boolean, count, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

# Evidence stays in `data`: it is about persons. Which customer, the charge says.
TABLE = mirror_table(
    "disputes",
    Column("created", DateTime(timezone=True)),
    Column("charge", Text),
    Column("payment_intent", Text),
    Column("status", Text),
    Column("reason", Text),
    Column("network_reason_code", Text),
    Column("case_type", Text, comment="Of cards: chargeback, inquiry and others"),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("is_charge_refundable", Boolean),
    Column("evidence_due_by", DateTime(timezone=True)),
    Column("has_evidence", Boolean),
    Column("evidence_past_due", Boolean),
    Column("evidence_submission_count", Integer),
    indexed=("charge", "payment_intent"),
)


def project(dispute: Json) -> Row:
    """Return the typed columns of a dispute."""
    card = at(dispute, "payment_method_details", "card")
    code = at(card, "network_reason_code") or dispute.get("network_reason_code")
    return {
        "created": instant(dispute.get("created")),
        "charge": ref(dispute.get("charge")),
        "payment_intent": ref(dispute.get("payment_intent")),
        "status": string(dispute.get("status")),
        "reason": string(dispute.get("reason")),
        "network_reason_code": string(code),
        "case_type": string(at(card, "case_type")),
        "currency": string(dispute.get("currency")),
        "amount_minor": integer(dispute.get("amount")),
        "is_charge_refundable": boolean(dispute.get("is_charge_refundable")),
        "evidence_due_by": instant(at(dispute, "evidence_details", "due_by")),
        "has_evidence": boolean(at(dispute, "evidence_details", "has_evidence")),
        "evidence_past_due": boolean(at(dispute, "evidence_details", "past_due")),
        "evidence_submission_count": count(at(dispute, "evidence_details", "submission_count")),
    }


# `charge.dispute.closed` is the end of the quarrel, not of the object.
OBJECT = MirroredObject(
    "dispute",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/disputes", one="/v1/disputes/{id}"),
)
