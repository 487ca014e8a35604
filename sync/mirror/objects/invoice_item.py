"""Invoice items: amounts that wait for an invoice, and lines that were put on one by hand."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text

from sync.mirror.objects.discount import EXPAND, whole_on
from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    instant,
    integer,
    price_of_line,
    product_of_line,
    ref,
    string,
    subscription_of_invoice,
)
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "invoice_items",
    Column("date", DateTime(timezone=True), comment="when it was created"),
    Column("customer", Text),
    Column("invoice", Text, comment="null while it waits for the next one"),
    Column("subscription", Text),
    Column("subscription_item", Text),
    Column("price", Text),
    Column("product", Text),
    Column("description", Text),
    Column("quantity", BigInteger),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("proration", Boolean),
    Column("discountable", Boolean),
    Column("period_start", DateTime(timezone=True)),
    Column("period_end", DateTime(timezone=True)),
    Column("test_clock", Text),
    indexed=("customer", "invoice", "subscription", "price"),
)


def project(item: Json) -> Row:
    """Return the typed columns of an invoice item.

    Its price moved below `pricing`, and its subscription below `parent`, with 2025-03-31.basil.
    """
    parent = at(item, "parent", "subscription_details", "subscription_item")
    return {
        "date": instant(item.get("date")),
        "customer": ref(item.get("customer")),
        "invoice": ref(item.get("invoice")),
        "subscription": subscription_of_invoice(item),
        "subscription_item": ref(parent) or ref(item.get("subscription_item")),
        "price": price_of_line(item),
        "product": product_of_line(item),
        "description": string(item.get("description")),
        "quantity": integer(item.get("quantity")),
        "currency": string(item.get("currency")),
        "amount_minor": integer(item.get("amount")),
        "proration": boolean(item.get("proration")),
        "discountable": boolean(item.get("discountable")),
        "period_start": instant(at(item, "period", "start")),
        "period_end": instant(at(item, "period", "end")),
        "test_clock": ref(item.get("test_clock")),
    }


OBJECT = MirroredObject(
    "invoiceitem",
    TABLE,
    project,
    endpoint=Endpoint(
        many="/v1/invoiceitems", one="/v1/invoiceitems/{id}", expand=(EXPAND,), born="date"
    ),
    embedded=whole_on,
)
