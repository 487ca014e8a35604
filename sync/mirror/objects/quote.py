"""Quotes: what was offered to a customer, and what came of it."""

from sqlalchemy import BigInteger, Column, DateTime, Text

from sync.mirror.objects.discount import EXPAND, whole_on
from sync.mirror.shapes import Json, at, collection_method, instant, integer, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "quotes",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("status", Text),
    Column("number", Text),
    Column("description", Text),
    Column("collection_method", Text),
    Column("currency", Text),
    Column("amount_subtotal_minor", BigInteger),
    Column("amount_total_minor", BigInteger),
    Column("discount_minor", BigInteger),
    Column("tax_minor", BigInteger),
    Column("invoice", Text),
    Column("subscription", Text),
    Column("subscription_schedule", Text),
    Column("from_quote", Text, comment="the quote that this one revises or copies"),
    Column("expires_at", DateTime(timezone=True)),
    Column("finalized_at", DateTime(timezone=True)),
    Column("accepted_at", DateTime(timezone=True)),
    Column("canceled_at", DateTime(timezone=True)),
    Column("test_clock", Text),
    indexed=("customer", "invoice", "subscription"),
)


def project(quote: Json) -> Row:
    """Return the typed columns of a quote."""
    return {
        "created": instant(quote.get("created")),
        "customer": ref(quote.get("customer")),
        "status": string(quote.get("status")),
        "number": string(quote.get("number")),
        "description": string(quote.get("description")),
        "collection_method": collection_method(quote),
        "currency": string(quote.get("currency")),
        "amount_subtotal_minor": integer(quote.get("amount_subtotal")),
        "amount_total_minor": integer(quote.get("amount_total")),
        "discount_minor": integer(at(quote, "total_details", "amount_discount")),
        "tax_minor": integer(at(quote, "total_details", "amount_tax")),
        "invoice": ref(quote.get("invoice")),
        "subscription": ref(quote.get("subscription")),
        "subscription_schedule": ref(quote.get("subscription_schedule")),
        "from_quote": ref(at(quote, "from_quote", "quote")),
        "expires_at": instant(quote.get("expires_at")),
        "finalized_at": instant(at(quote, "status_transitions", "finalized_at")),
        "accepted_at": instant(at(quote, "status_transitions", "accepted_at")),
        "canceled_at": instant(at(quote, "status_transitions", "canceled_at")),
        "test_clock": ref(quote.get("test_clock")),
    }


def _lacks(quote: Json) -> bool:
    """Tell of a quote as events show it: what it offers is rendered on request only."""
    return "line_items" not in quote


OBJECT = MirroredObject(
    "quote",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(
        many="/v1/quotes", one="/v1/quotes/{id}", expand=("line_items", EXPAND), by_created=False
    ),
    embedded=whole_on,
    lists=("line_items",),
    lacks=_lacks,
)
