"""Invoice lines and the tax inside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.subscription import Period
from app.simulator.periods import share
from app.simulator.world import World
from sync.money import exponent, major

# The tax inside a price, in per cent, where the shop is registered. None in the others.
TAX_PERCENT: Mapping[str, int] = {"eur": 20, "thb": 7}
_SYMBOLS: Mapping[str, str] = {"eur": "€", "jpy": "¥", "thb": "฿", "usd": "$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line says: an amount for something, over a time.

    `pending` says that it waited as an invoice item; `credited` names what a credit undoes.
    """

    price: Json
    item_id: str
    amount: int
    quantity: int
    description: str
    period: Period
    proration: bool = False
    invoice_item: str | None = None
    pending: bool = False
    credited: Json | None = None


def period_entry(world: World, item: Json, *, trial: bool = False) -> Entry:
    """Return the entry for one subscription item over its current period; a trial is free."""
    price, quantity = item["price"], item["quantity"]
    name = world[price["product"]]["name"]
    each = money(price["unit_amount"], price["currency"])
    paid = f"{quantity} × {name} (at {each} / {price['recurring']['interval']})"  # noqa: RUF001 — Stripe writes it so
    return Entry(
        price=price,
        item_id=item["id"],
        amount=0 if trial else price["unit_amount"] * quantity,
        quantity=quantity,
        description=f"Trial period for {name}" if trial else paid,
        period=Period(item["current_period_start"], item["current_period_end"]),
    )


def money(amount: int, currency: str) -> str:
    """Return an amount as it reads in a line's description."""
    return f"{_SYMBOLS[currency]}{major(amount, currency):,.{exponent(currency)}f}"


def tax_inside(amount: int, currency: str) -> int:
    """Return the tax an inclusive amount holds, in minor units."""
    percent = TAX_PERCENT.get(currency, 0)
    return share(amount, percent, 100 + percent)


def taxes(amount: int, currency: str) -> list[Json]:
    """Return Stripe's account of the tax inside an amount; empty where none is collected."""
    if currency not in TAX_PERCENT:
        return []
    tax = tax_inside(amount, currency)
    return [
        {
            "amount": tax,
            "tax_behavior": "inclusive",
            "tax_rate_details": {"tax_rate": f"txr_1EvergreenInclusive{currency.upper()}"},
            "taxability_reason": "standard_rated",
            "taxable_amount": amount - tax,
            "type": "tax_rate_details",
        },
    ]


def line(world: World, invoice: str, subscription: str, entry: Entry) -> dict[str, Any]:
    """Return an entry as a line of `invoice`."""
    price = entry.price
    return {
        "id": world.new_id("line_item"),
        "object": "line_item",
        "amount": entry.amount,
        "currency": price["currency"],
        "description": entry.description,
        "discount_amounts": [],
        "discountable": not entry.proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": _parent(subscription, entry),
        "period": {"end": entry.period.end, "start": entry.period.start},
        "pretax_credit_amounts": [],
        "pricing": pricing(price),
        "quantity": entry.quantity,
        "quantity_decimal": str(entry.quantity),
        "subscription": subscription,
        "subtotal": entry.amount,
        "taxes": taxes(entry.amount, price["currency"]),
    }


def pricing(price: Json) -> Json:
    """Return the price of a line: ids only, as since basil."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _parent(subscription: str, entry: Entry) -> Json:
    details = {
        "invoice_item": entry.invoice_item,
        "proration": entry.proration,
        "proration_details": {"credited_items": entry.credited} if entry.proration else None,
        "subscription": subscription,
    }
    if entry.pending:
        return {
            "invoice_item_details": details,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        }
    return {
        "invoice_item_details": None,
        "subscription_item_details": {**details, "subscription_item": entry.item_id},
        "type": "subscription_item_details",
    }


def invoice_item(world: World, customer: str, subscription: str, entry: Entry) -> dict[str, Any]:
    """Return a proration as the invoice item that waits for the next invoice."""
    return {
        "id": world.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": entry.amount,
        "currency": entry.price["currency"],
        "customer": customer,
        "customer_account": None,
        "date": world.now,
        "description": entry.description,
        "discountable": False,
        "discounts": [],
        "frozen_fields": [],
        "invoice": None,
        "invoicing_rules": [],
        "livemode": False,
        "metadata": {},
        "net_amount": entry.amount,
        "parent": {
            "subscription_details": {
                "subscription": subscription,
                "subscription_item": entry.item_id,
            },
            "type": "subscription_details",
        },
        "period": {"end": entry.period.end, "start": entry.period.start},
        "pricing": pricing(entry.price),
        "proration": True,
        "proration_details": {"credited_items": None, "discount_amounts": []},
        "quantity": entry.quantity,
        "quantity_decimal": str(entry.quantity),
        "tax_rates": [],
        "test_clock": None,
    }
