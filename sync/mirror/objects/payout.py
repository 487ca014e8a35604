"""Payouts: the balance on its way to the shop's bank."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, boolean, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "payouts",
    Column("created", DateTime(timezone=True)),
    Column("arrival_date", DateTime(timezone=True)),
    Column("status", Text),
    Column("currency", Text),
    Column("amount_minor", BigInteger, comment="Below zero when the bank paid the balance"),
    Column("automatic", Boolean),
    Column("method", Text),
    Column("type", Text),
    Column("source_type", Text),
    Column("destination", Text),
    Column("balance_transaction", Text),
    Column("reconciliation_status", Text),
    Column("original_payout", Text),
    Column("reversed_by", Text),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("description", Text),
    Column("statement_descriptor", Text),
    indexed=("created", "arrival_date"),
)


def project(payout: Json) -> Row:
    """Return the typed columns of a payout."""
    return {
        "created": instant(payout.get("created")),
        "arrival_date": instant(payout.get("arrival_date")),
        "status": string(payout.get("status")),
        "currency": string(payout.get("currency")),
        "amount_minor": integer(payout.get("amount")),
        "automatic": boolean(payout.get("automatic")),
        "method": string(payout.get("method")),
        "type": string(payout.get("type")),
        "source_type": string(payout.get("source_type")),
        "destination": ref(payout.get("destination")),
        "balance_transaction": ref(payout.get("balance_transaction")),
        "reconciliation_status": string(payout.get("reconciliation_status")),
        "original_payout": ref(payout.get("original_payout")),
        "reversed_by": ref(payout.get("reversed_by")),
        "failure_code": string(payout.get("failure_code")),
        "failure_message": string(payout.get("failure_message")),
        "description": string(payout.get("description")),
        "statement_descriptor": string(payout.get("statement_descriptor")),
    }


OBJECT = MirroredObject(
    "payout",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/payouts", one="/v1/payouts/{id}"),
)
