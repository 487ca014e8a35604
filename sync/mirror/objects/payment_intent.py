"""Payment intents: one payment each, through all its attempts."""

from sqlalchemy import BigInteger, Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, integer, mappings, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "payment_intents",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("status", Text),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("amount_received_minor", BigInteger),
    Column("amount_capturable_minor", BigInteger),
    Column("payment_method", Text),
    Column("latest_charge", Text, comment="The last attempt; charges.data[0] until 2022-11-15"),
    Column("description", Text),
    Column("capture_method", Text),
    Column("setup_future_usage", Text),
    Column("next_action_type", Text, comment="What the customer has to do, such as 3-D Secure"),
    Column("last_payment_error_type", Text),
    Column("last_payment_error_code", Text),
    Column("last_payment_error_decline_code", Text),
    Column("canceled_at", DateTime(timezone=True)),
    Column("cancellation_reason", Text),
    indexed=("customer", "created"),
)


def project(intent: Json) -> Row:
    """Return the typed columns of a payment intent, whatever API version rendered it.

    It names no invoice: since 2025-03-31.basil only `invoice_payments` does, see the view
    `invoice_charges`.
    """
    return {
        "created": instant(intent.get("created")),
        "customer": ref(intent.get("customer")),
        "status": string(intent.get("status")),
        "currency": string(intent.get("currency")),
        "amount_minor": integer(intent.get("amount")),
        "amount_received_minor": integer(intent.get("amount_received")),
        "amount_capturable_minor": integer(intent.get("amount_capturable")),
        "payment_method": ref(intent.get("payment_method")),
        "latest_charge": _latest_charge(intent),
        "description": string(intent.get("description")),
        "capture_method": string(intent.get("capture_method")),
        "setup_future_usage": string(intent.get("setup_future_usage")),
        "next_action_type": string(at(intent, "next_action", "type")),
        "last_payment_error_type": string(at(intent, "last_payment_error", "type")),
        "last_payment_error_code": string(at(intent, "last_payment_error", "code")),
        "last_payment_error_decline_code": string(at(intent, "last_payment_error", "decline_code")),
        "canceled_at": instant(intent.get("canceled_at")),
        "cancellation_reason": string(intent.get("cancellation_reason")),
    }


def _latest_charge(intent: Json) -> str | None:
    """Return the newest attempt: a list, newest first, stood here until 2022-11-15."""
    newest = next(iter(mappings(at(intent, "charges", "data"))), None)
    return ref(intent.get("latest_charge")) or ref(newest)


OBJECT = MirroredObject(
    "payment_intent",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/payment_intents", one="/v1/payment_intents/{id}"),
)
