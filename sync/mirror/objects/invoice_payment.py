"""Invoice payments: which payment paid how much of which invoice."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, at, boolean, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "invoice_payments",
    Column("created", DateTime(timezone=True)),
    Column("invoice", Text),
    Column("status", Text),
    Column("payment_type", Text, comment="which of the next three columns is set"),
    Column("payment_intent", Text),
    Column("charge", Text),
    Column("payment_record", Text),
    Column("currency", Text),
    Column("amount_requested_minor", BigInteger),
    Column("amount_paid_minor", BigInteger, comment="null until it is paid"),
    Column("is_default", Boolean, comment="whether Stripe itself made it to collect the invoice"),
    Column("paid_at", DateTime(timezone=True)),
    Column("canceled_at", DateTime(timezone=True)),
    indexed=("invoice", "payment_intent", "charge"),
)


def project(payment: Json) -> Row:
    """Return the typed columns of an invoice payment."""
    return {
        "created": instant(payment.get("created")),
        "invoice": ref(payment.get("invoice")),
        "status": string(payment.get("status")),
        "payment_type": string(at(payment, "payment", "type")),
        "payment_intent": ref(at(payment, "payment", "payment_intent")),
        "charge": ref(at(payment, "payment", "charge")),
        "payment_record": ref(at(payment, "payment", "payment_record")),
        "currency": string(payment.get("currency")),
        "amount_requested_minor": integer(payment.get("amount_requested")),
        "amount_paid_minor": integer(payment.get("amount_paid")),
        "is_default": boolean(payment.get("is_default")),
        "paid_at": instant(at(payment, "status_transitions", "paid_at")),
        "canceled_at": instant(at(payment, "status_transitions", "canceled_at")),
    }


OBJECT = MirroredObject(
    "invoice_payment",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/invoice_payments", one="/v1/invoice_payments/{id}"),
)
