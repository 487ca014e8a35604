"""Invoices and their lines."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text

from sync.mirror.shapes import (
    Json,
    at,
    collection_method,
    finalized_at,
    instant,
    integer,
    invoice_is_paid,
    line_is_proration,
    price_of_line,
    product_of_line,
    ref,
    string,
    subscription_item_of_line,
    subscription_of_invoice,
    subscription_of_line,
)
from sync.mirror.tables import Children, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "invoices",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("subscription", Text),
    Column("status", Text),
    Column("number", Text),
    Column("billing_reason", Text),
    Column("collection_method", Text),
    Column("currency", Text),
    Column("amount_due_minor", BigInteger),
    Column("amount_paid_minor", BigInteger),
    Column("amount_remaining_minor", BigInteger),
    Column("subtotal_minor", BigInteger),
    Column("total_minor", BigInteger),
    Column("attempt_count", Integer),
    Column("next_payment_attempt", DateTime(timezone=True)),
    Column("due_date", DateTime(timezone=True)),
    Column("finalized_at", DateTime(timezone=True)),
    Column("paid_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
    Column("hosted_invoice_url", Text),
    indexed=("customer", "subscription", "status"),
)

LINES = mirror_table(
    "invoice_line_items",
    # Part of the key: in old API versions a line could bear its subscription's id.
    Column("invoice", Text, primary_key=True),
    Column("subscription", Text),
    Column("subscription_item", Text),
    Column("price", Text),
    Column("product", Text),
    Column("description", Text),
    Column("quantity", BigInteger),
    Column("currency", Text),
    Column("amount_minor", BigInteger),
    Column("proration", Boolean),
    Column("period_start", DateTime(timezone=True)),
    Column("period_end", DateTime(timezone=True)),
    indexed=("invoice", "price"),
)


def project(invoice: Json) -> Row:
    """Return the typed columns of an invoice, whatever API version rendered it."""
    return {
        "created": instant(invoice.get("created", invoice.get("date"))),
        "customer": ref(invoice.get("customer")),
        "subscription": subscription_of_invoice(invoice),
        "status": "paid" if invoice_is_paid(invoice) else string(invoice.get("status")),
        "number": string(invoice.get("number")),
        "billing_reason": string(invoice.get("billing_reason")),
        "collection_method": collection_method(invoice),
        "currency": string(invoice.get("currency")),
        "amount_due_minor": integer(invoice.get("amount_due")),
        "amount_paid_minor": integer(invoice.get("amount_paid")),
        "amount_remaining_minor": integer(invoice.get("amount_remaining")),
        "subtotal_minor": integer(invoice.get("subtotal")),
        "total_minor": integer(invoice.get("total")),
        "attempt_count": integer(invoice.get("attempt_count")),
        "next_payment_attempt": instant(invoice.get("next_payment_attempt")),
        "due_date": instant(invoice.get("due_date")),
        "finalized_at": finalized_at(invoice),
        "paid_at": instant(at(invoice, "status_transitions", "paid_at")),
        "voided_at": instant(at(invoice, "status_transitions", "voided_at")),
        "hosted_invoice_url": string(invoice.get("hosted_invoice_url")),
    }


def project_line(line: Json, invoice: Json) -> Row:
    """Return the typed columns of one line of `invoice`."""
    return {
        "invoice": invoice["id"],
        "subscription": subscription_of_line(line),
        "subscription_item": subscription_item_of_line(line),
        "price": price_of_line(line),
        "product": product_of_line(line),
        "description": string(line.get("description")),
        "quantity": integer(line.get("quantity")),
        "currency": string(line.get("currency")),
        "amount_minor": integer(line.get("amount")),
        "proration": line_is_proration(line),
        "period_start": instant(at(line, "period", "start")),
        "period_end": instant(at(line, "period", "end")),
    }


def _lines(invoice: Json) -> Json:
    return at(invoice, "lines") or {}


OBJECT = MirroredObject(
    "invoice",
    TABLE,
    project,
    children=(Children(LINES, "invoice", _lines, project_line),),
)
