"""Refunds: money on its way back, or back, or not."""

from sqlalchemy import BigInteger, Column, DateTime, Text

from sync.mirror.shapes import Json, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

# Which customer got it, the charge says: a refund does so only since 2026-09-30.endive.
TABLE = mirror_table(
    "refunds",
    Column("created", DateTime(timezone=True)),
    Column("charge", Text),
    Column("payment_intent", Text),
    Column("status", Text, comment="Failed and canceled ones gave nothing back"),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("reason", Text),
    Column("failure_reason", Text),
    Column("balance_transaction", Text),
    indexed=("charge", "payment_intent", "created"),
)


def project(refund: Json) -> Row:
    """Return the typed columns of a refund."""
    return {
        "created": instant(refund.get("created")),
        "charge": ref(refund.get("charge")),
        "payment_intent": ref(refund.get("payment_intent")),
        "status": string(refund.get("status")),
        "currency": string(refund.get("currency")),
        "amount_minor": integer(refund.get("amount")),
        "reason": string(refund.get("reason")),
        "failure_reason": string(refund.get("failure_reason")),
        "balance_transaction": ref(refund.get("balance_transaction")),
    }


OBJECT = MirroredObject(
    "refund",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/refunds", one="/v1/refunds/{id}"),
)
