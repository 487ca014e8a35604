"""Early fraud warnings: a card's bank suspects fraud, before there is a dispute."""

from sqlalchemy import Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, boolean, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "early_fraud_warnings",
    Column("created", DateTime(timezone=True)),
    Column("charge", Text),
    Column("payment_intent", Text),
    Column("fraud_type", Text),
    Column("actionable", Boolean, comment="A refund may still prevent the dispute"),
    indexed=("charge", "payment_intent"),
)


def project(warning: Json) -> Row:
    """Return the typed columns of a warning."""
    return {
        "created": instant(warning.get("created")),
        "charge": ref(warning.get("charge")),
        "payment_intent": ref(warning.get("payment_intent")),
        "fraud_type": string(warning.get("fraud_type")),
        "actionable": boolean(warning.get("actionable")),
    }


OBJECT = MirroredObject(
    "radar.early_fraud_warning",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(
        many="/v1/radar/early_fraud_warnings",
        one="/v1/radar/early_fraud_warnings/{id}",
    ),
)
