"""What the mirror knows of an invoice that matters to the shelf, as plain values."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, text

from sync.inventory.desired import Sale
from sync.inventory.mapping import Component, Line, Metadata, Price
from sync.inventory.reserving import reservation_of
from sync.inventory.tables import SKU_MAP, STOCK_SHIPPED
from sync.mirror.objects import checkout_session as sessions
from sync.mirror.objects import invoice as invoices
from sync.mirror.payments import load_credit_notes, load_payments_of_invoice, refunded_minor
from sync.mirror.shapes import Json, at, integer, price_of_item, product_of_price, ref, string


def load_sale(conn: Connection, account: str, invoice_id: str) -> Sale:
    """Return how an invoice stands; one that is gone or was never seen has no status."""
    table = invoices.TABLE.c
    row = conn.execute(
        select(table.status, table.amount_paid_minor, table.paid_at, table.data).where(
            table.id == invoice_id, table.account == account, table.deleted_at.is_(None)
        ),
    ).one_or_none()
    if row is None or row.status != "paid":
        held = _reservations(conn, account, invoice_id, row.data) if row else ()
        return replace(_UNPAID, status=row and row.status, reservations=held)
    payments = load_payments_of_invoice(conn, account, invoice_id, row.data)
    off_stripe_minor = integer(row.data.get("amount_paid_off_stripe")) or 0
    return Sale(
        status=row.status,
        paid_minor=(row.amount_paid_minor or 0) - off_stripe_minor,
        refunded_minor=refunded_minor(payments),
        credit_notes=load_credit_notes(conn, account, invoice_id),
        shipped=_shipped(conn, account, invoice_id, row.data),
        paid_at=row.paid_at,
        reservations=_reservations(conn, account, invoice_id, row.data),
    )


_UNPAID = Sale(status=None, paid_minor=0, refunded_minor=0, credit_notes=(), shipped=False)


def _reservations(
    conn: Connection, account: str, invoice_id: str, invoice: Json
) -> tuple[str, ...]:
    """Return what the invoice, or the checkout that made it, says that it held."""
    table = sessions.TABLE.c
    made_by = select(table.data).where(table.invoice == invoice_id, table.account == account)
    naming = [invoice, *conn.execute(made_by).scalars()]
    return tuple(sorted({held for each in naming if (held := reservation_of(each))}))


def load_lines(conn: Connection, account: str, invoice_id: str) -> dict[str, Line]:
    """Return an invoice's lines with all of their parents that are mirrored, by line id."""
    rows = conn.execute(_LINES, {"account": account, "invoice": invoice_id}).all()
    lines = {row.id: _line(row) for row in rows}
    by_hand = _mapped_by_hand(conn, lines)
    return {line.id: _with_map(line, by_hand) for line in lines.values()}


def _shipped(conn: Connection, account: str, invoice_id: str, invoice: Json) -> bool:
    if at(invoice, "metadata", "shipped") == "true":
        return True
    told = select(STOCK_SHIPPED.c.invoice).where(
        STOCK_SHIPPED.c.invoice == invoice_id, STOCK_SHIPPED.c.account == account
    )
    return conn.execute(told).first() is not None


_LINES = text("""
    SELECT line.id, line.price, line.quantity, line.amount_minor, line.proration,
           line.subscription, line.subscription_item, line.data,
           price.data AS price_data, item.data AS item_data,
           coalesce(line.product, price.product, item.product) AS product,
           product.data->'metadata' AS product_metadata, product.id IS NOT NULL AS product_known,
           -- Read later than the invoice came to be and without the item: it is gone for good.
           item.id IS NOT NULL OR subscription.as_of > invoice.created
             OR line.subscription_item IS NULL AND subscription.id IS NOT NULL AS item_known
      FROM stripe.invoice_line_items AS line
      JOIN stripe.invoices AS invoice
        ON invoice.id = line.invoice AND invoice.account = line.account
      LEFT JOIN stripe.prices AS price
        ON price.id = line.price AND price.account = line.account
      LEFT JOIN stripe.subscription_items AS item
        ON item.id = line.subscription_item AND item.account = line.account
      LEFT JOIN stripe.products AS product
        ON product.id = coalesce(line.product, price.product, item.product)
       AND product.account = line.account
      LEFT JOIN stripe.subscriptions AS subscription
        ON subscription.id = line.subscription AND subscription.account = line.account
     WHERE line.invoice = :invoice AND line.account = :account
     ORDER BY line.id""")


def _line(row: Row[Any]) -> Line:
    embedded = _price_json(row)
    return Line(
        id=row.id,
        quantity=1 if row.quantity is None else max(row.quantity, 0),
        amount_minor=row.amount_minor or 0,
        proration=bool(row.proration),
        discounted=_is_discounted(row.data),
        price_id=row.price,
        price=_price(embedded) if embedded else None,
        product_id=row.product or product_of_price(embedded or {}),
        product_metadata=_metadata(row.product_metadata) if row.product_known else None,
        subscription_id=row.subscription,
        item_known=bool(row.item_known),
        item_id=row.subscription_item,
        item_metadata=_metadata(at(row.item_data, "metadata")),
    )


def _price_json(row: Row[Any]) -> Json | None:
    """Return the price as mirrored, else as the subscription item or the line embeds it."""
    if row.price_data is not None:
        return dict(row.price_data)
    for embedding in (row.item_data or {}, row.data):
        embedded = price_of_item(embedding)
        if embedded and ref(embedded) == row.price:
            return embedded
    return None


def _price(price: Json) -> Price:
    recurring = price.get("recurring") or price
    return Price(
        metadata=_metadata(price.get("metadata")),
        lookup_key=string(price.get("lookup_key")),
        unit_amount=_unit_amount(price),
        metered=at(recurring, "usage_type") == "metered" or bool(at(recurring, "meter")),
    )


def _unit_amount(price: Json) -> Decimal | None:
    for name in ("unit_amount_decimal", "unit_amount", "amount_decimal", "amount"):
        try:
            return Decimal(str(price[name]))
        except (KeyError, InvalidOperation):
            continue
    return None


def _is_discounted(line: Json) -> bool:
    amounts = line.get("discount_amounts") or ()
    return bool(line.get("discounts")) or any(at(each, "amount") for each in amounts)


def _metadata(found: Any) -> Metadata:
    if not isinstance(found, Mapping):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _mapped_by_hand(conn: Connection, lines: Mapping[str, Line]) -> Mapping[str, list[Component]]:
    """Return the shop's own map for these lines' prices and products, by either's id."""
    price, product = SKU_MAP.c.price_id, SKU_MAP.c.product_id
    found: dict[str, list[Component]] = defaultdict(list)
    wanted = or_(
        price.in_([line.price_id for line in lines.values()]),
        and_(price.is_(None), product.in_([line.product_id for line in lines.values()])),
    )
    for row in conn.execute(select(SKU_MAP).where(wanted)):
        component = Component(row.sku, row.quantity, row.location)
        found[row.price_id or row.product_id].append(component)
    return found


def _with_map(line: Line, by_hand: Mapping[str, list[Component]]) -> Line:
    mapped = by_hand.get(line.price_id or "") or by_hand.get(line.product_id or "") or ()
    return replace(line, mapped_by_hand=tuple(mapped))
