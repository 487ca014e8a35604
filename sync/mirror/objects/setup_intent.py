"""Setup intents: a payment method made ready for later payments."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "setup_intents",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("status", Text),
    Column("usage", Text),
    Column("payment_method", Text),
    Column("mandate", Text),
    Column("latest_attempt", Text),
    Column("description", Text),
    Column("next_action_type", Text, comment="What the customer has to do, such as 3-D Secure"),
    Column("last_setup_error_type", Text),
    Column("last_setup_error_code", Text),
    Column("last_setup_error_decline_code", Text),
    Column("cancellation_reason", Text),
    indexed=("customer", "payment_method"),
)


def project(intent: Json) -> Row:
    """Return the typed columns of a setup intent."""
    return {
        "created": instant(intent.get("created")),
        "customer": ref(intent.get("customer")),
        "status": string(intent.get("status")),
        "usage": string(intent.get("usage")),
        "payment_method": ref(intent.get("payment_method")),
        "mandate": ref(intent.get("mandate")),
        "latest_attempt": ref(intent.get("latest_attempt")),
        "description": string(intent.get("description")),
        "next_action_type": string(at(intent, "next_action", "type")),
        "last_setup_error_type": string(at(intent, "last_setup_error", "type")),
        "last_setup_error_code": string(at(intent, "last_setup_error", "code")),
        "last_setup_error_decline_code": string(at(intent, "last_setup_error", "decline_code")),
        "cancellation_reason": string(intent.get("cancellation_reason")),
    }


OBJECT = MirroredObject(
    "setup_intent",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/setup_intents", one="/v1/setup_intents/{id}"),
)
