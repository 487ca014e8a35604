"""Invoices and their lines."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text

from sync.mirror.objects.discount import EXPAND, whole_on
from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    collection_method,
    count,
    discount_of,
    finalized_at,
    instant,
    integer,
    invoice_created,
    invoice_is_paid,
    invoice_item_of_line,
    line_id,
    line_is_proration,
    listed,
    paid_and_remaining,
    price_of_line,
    product_of_line,
    quote_of_invoice,
    ref,
    string,
    subscription_item_of_line,
    subscription_of_invoice,
    subscription_of_line,
    tax_of_invoice,
    tax_of_line,
)
from sync.mirror.tables import Children, Endpoint, MirroredObject, Row, mirror_table

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
    Column("invoice_pdf", Text),
    Column("customer_email", Text),
    Column("description", Text),
    Column("default_payment_method", Text),
    Column("quote", Text),
    Column("from_invoice", Text, comment="The invoice that this one revises"),
    Column("receipt_number", Text),
    Column("auto_advance", Boolean),
    Column("attempted", Boolean),
    Column("period_start", DateTime(timezone=True)),
    Column("period_end", DateTime(timezone=True)),
    Column("marked_uncollectible_at", DateTime(timezone=True)),
    Column("tax_minor", BigInteger, comment="All taxes, those inside the prices too"),
    Column("discount_minor", BigInteger, comment="Null where an old event did not tell it"),
    Column(
        "starting_balance_minor",
        BigInteger,
        comment="The balance before it; below zero: a credit",
    ),
    Column(
        "ending_balance_minor",
        BigInteger,
        comment="The customer's balance after it; null for a draft",
    ),
    Column("pre_payment_credit_notes_minor", BigInteger, comment="Credited before it was paid"),
    Column("post_payment_credit_notes_minor", BigInteger, comment="Credited after it was paid"),
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
    Column("tax_minor", BigInteger, comment="All taxes, those inside the price too"),
    Column("discount_minor", BigInteger, comment="Null where an old event did not tell it"),
    Column("invoice_item", Text, comment="What waited for the invoice and became this line"),
    Column("proration", Boolean),
    Column("period_start", DateTime(timezone=True)),
    Column("period_end", DateTime(timezone=True)),
    indexed=("invoice", "price"),
)


def project(invoice: Json) -> Row:
    """Return the typed columns of an invoice, whatever API version rendered it."""
    return {
        **_amounts(invoice),
        **_moments(invoice),
        "customer": ref(invoice.get("customer")),
        "subscription": subscription_of_invoice(invoice),
        "status": "paid" if invoice_is_paid(invoice) else string(invoice.get("status")),
        "number": string(invoice.get("number")),
        "billing_reason": string(invoice.get("billing_reason")),
        "collection_method": collection_method(invoice),
        "currency": string(invoice.get("currency")),
        "attempt_count": count(invoice.get("attempt_count")),
        "hosted_invoice_url": string(invoice.get("hosted_invoice_url")),
        "invoice_pdf": string(invoice.get("invoice_pdf")),
        "customer_email": string(invoice.get("customer_email")),
        "description": string(invoice.get("description")),
        "default_payment_method": ref(invoice.get("default_payment_method")),
        "quote": quote_of_invoice(invoice),
        "from_invoice": ref(at(invoice, "from_invoice", "invoice")),
        "receipt_number": string(invoice.get("receipt_number")),
        "auto_advance": boolean(invoice.get("auto_advance")),
        "attempted": boolean(invoice.get("attempted")),
    }


def _amounts(invoice: Json) -> Row:
    paid, remaining = paid_and_remaining(invoice)
    return {
        "amount_due_minor": integer(invoice.get("amount_due")),
        "amount_paid_minor": paid,
        "amount_remaining_minor": remaining,
        "subtotal_minor": integer(invoice.get("subtotal")),
        "total_minor": integer(invoice.get("total")),
        "tax_minor": tax_of_invoice(invoice),
        "discount_minor": discount_of(invoice.get("total_discount_amounts")),
        "starting_balance_minor": integer(invoice.get("starting_balance")),
        "ending_balance_minor": integer(invoice.get("ending_balance")),
        "pre_payment_credit_notes_minor": integer(invoice.get("pre_payment_credit_notes_amount")),
        "post_payment_credit_notes_minor": integer(invoice.get("post_payment_credit_notes_amount")),
    }


def _moments(invoice: Json) -> Row:
    changed = at(invoice, "status_transitions")
    return {
        "created": invoice_created(invoice),
        "period_start": instant(invoice.get("period_start")),
        "period_end": instant(invoice.get("period_end")),
        "next_payment_attempt": instant(invoice.get("next_payment_attempt")),
        "due_date": instant(invoice.get("due_date")),
        "finalized_at": finalized_at(invoice),
        "paid_at": instant(at(changed, "paid_at")),
        "voided_at": instant(at(changed, "voided_at")),
        "marked_uncollectible_at": instant(at(changed, "marked_uncollectible_at")),
    }


def project_line(line: Json, invoice: Json) -> Row:
    """Return the typed columns of one line of `invoice`."""
    return {
        "id": line_id(line),
        "invoice": invoice["id"],
        "subscription": subscription_of_line(line),
        "subscription_item": subscription_item_of_line(line),
        "price": price_of_line(line),
        "product": product_of_line(line),
        "description": string(line.get("description")),
        "quantity": integer(line.get("quantity")),
        "currency": string(line.get("currency")),
        "amount_minor": integer(line.get("amount")),
        "tax_minor": tax_of_line(line),
        "discount_minor": discount_of(line.get("discount_amounts")),
        "invoice_item": invoice_item_of_line(line),
        "proration": line_is_proration(line),
        "period_start": instant(at(line, "period", "start")),
        "period_end": instant(at(line, "period", "end")),
    }


def _lines(invoice: Json) -> Json:
    return listed(invoice, "lines")


def _embedded(invoice: Json) -> Iterable[Json]:
    return [*whole_on(invoice), *listed(invoice, "payments").get("data", ())]


OBJECT = MirroredObject(
    "invoice",
    TABLE,
    project,
    children=(Children(LINES, "invoice", _lines, project_line),),
    endpoint=Endpoint(many="/v1/invoices", one="/v1/invoices/{id}", expand=("payments", EXPAND)),
    embedded=_embedded,
    lists=("payments",),
)
