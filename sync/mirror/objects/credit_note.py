"""Credit notes and their lines: what was taken back from an invoice."""

from sqlalchemy import BigInteger, Column, DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.shapes import Json, instant, integer, listed, mappings, ref, string, summed
from sync.mirror.tables import Children, Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "credit_notes",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("invoice", Text),
    Column("status", Text),
    Column("number", Text),
    Column("type", Text, comment="before or after the invoice was paid"),
    Column("reason", Text),
    Column("memo", Text),
    Column("currency", Text),
    Column("amount_minor", BigInteger, comment="with tax"),
    Column("subtotal_minor", BigInteger),
    Column("total_minor", BigInteger),
    Column("tax_minor", BigInteger),
    Column("discount_minor", BigInteger),
    Column("out_of_band_amount_minor", BigInteger),
    Column("refunds", ARRAY(Text)),
    Column("customer_balance_transaction", Text),
    Column("effective_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
    Column("pdf", Text),
    indexed=("customer", "invoice"),
)

LINES = mirror_table(
    "credit_note_line_items",
    Column("credit_note", Text, nullable=False),
    Column("invoice_line_item", Text, comment="null for a line of its own"),
    Column("type", Text),
    Column("description", Text),
    Column("quantity", BigInteger),
    Column("currency", Text, comment="of the credit note"),
    Column("amount_minor", BigInteger),
    Column("unit_amount_minor", BigInteger),
    Column("unit_amount_decimal", Text, comment="in minor units"),
    Column("discount_minor", BigInteger),
    indexed=("credit_note", "invoice_line_item"),
)


def _refunds(note: Json) -> list[str]:
    """Return the ids of the refunds; there was one at most until 2025-03-31.basil."""
    listed = [ref(each.get("refund")) for each in mappings(note.get("refunds"))]
    return [each for each in listed or [ref(note.get("refund"))] if each]


def _tax_minor(note: Json) -> int:
    """Return the sum of all taxes; `total_taxes` were `tax_amounts` until 2025-03-31.basil."""
    return summed(note.get("total_taxes", note.get("tax_amounts")))


def project(note: Json) -> Row:
    """Return the typed columns of a credit note, whatever API version rendered it."""
    return {
        "created": instant(note.get("created")),
        "customer": ref(note.get("customer")),
        "invoice": ref(note.get("invoice")),
        "status": string(note.get("status")),
        "number": string(note.get("number")),
        "type": string(note.get("type")),
        "reason": string(note.get("reason")),
        "memo": string(note.get("memo")),
        "currency": string(note.get("currency")),
        "amount_minor": integer(note.get("amount")),
        "subtotal_minor": integer(note.get("subtotal")),
        "total_minor": integer(note.get("total")),
        "tax_minor": _tax_minor(note),
        "discount_minor": integer(note.get("discount_amount")),
        "out_of_band_amount_minor": integer(note.get("out_of_band_amount")),
        "refunds": _refunds(note),
        "customer_balance_transaction": ref(note.get("customer_balance_transaction")),
        "effective_at": instant(note.get("effective_at")),
        "voided_at": instant(note.get("voided_at")),
        "pdf": string(note.get("pdf")),
    }


def project_line(line: Json, note: Json) -> Row:
    """Return the typed columns of one line of `note`."""
    return {
        "credit_note": note["id"],
        "invoice_line_item": ref(line.get("invoice_line_item")),
        "type": string(line.get("type")),
        "description": string(line.get("description")),
        "quantity": integer(line.get("quantity")),
        "currency": string(note.get("currency")),
        "amount_minor": integer(line.get("amount")),
        "unit_amount_minor": integer(line.get("unit_amount")),
        "unit_amount_decimal": string(line.get("unit_amount_decimal")),
        "discount_minor": integer(line.get("discount_amount")),
    }


def _lines(note: Json) -> Json:
    return listed(note, "lines")


OBJECT = MirroredObject(
    "credit_note",
    TABLE,
    project,
    children=(Children(LINES, "credit_note", _lines, project_line),),
    deletable=False,
    endpoint=Endpoint(many="/v1/credit_notes", one="/v1/credit_notes/{id}"),
)
