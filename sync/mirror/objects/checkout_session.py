"""Checkout sessions: a customer on Stripe's payment page."""

from sqlalchemy import BigInteger, Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "checkout_sessions",
    Column("created", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True)),
    Column("customer", Text),
    Column("mode", Text),
    Column("status", Text),
    Column("payment_status", Text),
    Column("currency", Text),
    Column("amount_subtotal_minor", BigInteger),
    Column("amount_total_minor", BigInteger),
    Column("amount_discount_minor", BigInteger),
    Column("amount_shipping_minor", BigInteger),
    Column("amount_tax_minor", BigInteger),
    Column("invoice", Text),
    Column("payment_intent", Text),
    Column("payment_link", Text),
    Column("setup_intent", Text),
    Column("subscription", Text),
    Column("client_reference_id", Text, comment="The shop's own mark"),
    Column("recovered_from", Text, comment="The expired session that this one took up again"),
    Column("shipping_country", Text),
    indexed=("customer", "invoice", "payment_intent", "payment_link", "subscription", "created"),
)


def project(session: Json) -> Row:
    """Return the typed columns of a session, whatever API version rendered it."""
    return {
        "created": instant(session.get("created")),
        "expires_at": instant(session.get("expires_at")),
        "customer": ref(session.get("customer")),
        "mode": string(session.get("mode")),
        "status": string(session.get("status")),
        "payment_status": string(session.get("payment_status")),
        "currency": string(session.get("currency")),
        "amount_subtotal_minor": integer(session.get("amount_subtotal")),
        "amount_total_minor": integer(session.get("amount_total")),
        "amount_discount_minor": integer(at(session, "total_details", "amount_discount")),
        "amount_shipping_minor": integer(at(session, "total_details", "amount_shipping")),
        "amount_tax_minor": integer(at(session, "total_details", "amount_tax")),
        "invoice": ref(session.get("invoice")),
        "payment_intent": ref(session.get("payment_intent")),
        "payment_link": ref(session.get("payment_link")),
        "setup_intent": ref(session.get("setup_intent")),
        "subscription": ref(session.get("subscription")),
        "client_reference_id": string(session.get("client_reference_id")),
        "recovered_from": ref(session.get("recovered_from")),
        "shipping_country": _shipping_country(session),
    }


def _shipping_country(session: Json) -> str | None:
    """Return where goods go; below `collected_information` since 2025-03-31.basil."""
    moved = at(session, "collected_information", "shipping_details")
    details = moved or session.get("shipping_details") or session.get("shipping")
    return string(at(details, "address", "country"))


# Line items are rendered on request only and are not kept: what was sold stands in the lines
# of the session's invoice or subscription.
OBJECT = MirroredObject(
    "checkout.session",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/checkout/sessions", one="/v1/checkout/sessions/{id}"),
)
