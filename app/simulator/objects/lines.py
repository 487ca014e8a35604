"""Invoice lines and the tax inside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.subscription import Period
from app.simulator.objects.tiers import Portion, portions
from app.simulator.periods import percent_of, share
from app.simulator.world import World
from sync.money import exponent

# The tax inside a price, in per cent, where the shop is registered. None in the others.
TAX_PERCENT: Mapping[str, int] = {"eur": 20, "thb": 7}
_SYMBOLS: Mapping[str, str] = {"eur": "€", "jpy": "¥", "thb": "฿", "usd": "$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one line says: an amount for something, over a time.

    `item_id` is None for what belongs to no item of the subscription.
    `pending` says that it waited as an invoice item; `credited` names what a credit undoes.
    """

    price: Json
    item_id: str | None
    amount: int
    quantity: int
    description: str
    period: Period
    proration: bool = False
    invoice_item: str | None = None
    pending: bool = False
    credited: Json | None = None
    unit_amount: Decimal | None = None


def period_entries(world: World, item: Json, *, trial: bool = False) -> list[Entry]:
    """Return the entries for one subscription item over its current period; a trial is free."""
    period = Period(item["current_period_start"], item["current_period_end"])
    if trial:
        name = world[item["price"]["product"]]["name"]
        return [
            Entry(
                price=item["price"],
                item_id=item["id"],
                amount=0,
                quantity=item["quantity"],
                description=f"Trial period for {name}",
                period=period,
            ),
        ]
    return _billed(world, item, item["quantity"], period)


def usage_entries(world: World, item: Json, used: int) -> list[Entry]:
    """Return the entries for what was used of a metered item in its current period."""
    period = Period(item["current_period_start"], item["current_period_end"])
    return _billed(world, item, used, period)


def _billed(world: World, item: Json, quantity: int, period: Period) -> list[Entry]:
    price = item["price"]
    name = world[price["product"]]["name"]
    return [
        Entry(
            price=price,
            item_id=item["id"],
            amount=portion.amount,
            quantity=portion.quantity,
            description=_sold(name, price, portion),
            period=period,
            unit_amount=portion.unit_amount,
        )
        for portion in portions(price, quantity)
    ]


def _sold(name: str, price: Json, portion: Portion) -> str:
    each = money(portion.unit_amount, price["currency"])
    tier = f"Tier {portion.tier} " if portion.tier else ""
    per = price["recurring"]["interval"]
    return f"{portion.quantity} × {name} ({tier}at {each} / {per})"  # noqa: RUF001 — Stripe writes it so


def money(amount: Decimal, currency: str) -> str:
    """Return an amount of minor units, which may have a fraction, as a description shows it."""
    digits = exponent(currency)
    exact = amount.scaleb(-digits)
    shown = exact if amount % 1 else exact.quantize(Decimal(1).scaleb(-digits))
    return f"{_SYMBOLS[currency]}{shown:,}"


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


def taxes_on_top(amount: int, rates: Sequence[Json]) -> list[Json]:
    """Return Stripe's account of the tax that rates (not inclusive ones) add to an amount."""
    return [
        {
            "amount": percent_of(amount, rate["percentage"]),
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": rate["id"]},
            "taxability_reason": "not_available",
            "taxable_amount": amount,
            "type": "tax_rate_details",
        }
        for rate in rates
    ]


def line(
    world: World,
    invoice: str,
    subscription: Json,
    entry: Entry,
    off: Mapping[str, int],
) -> dict[str, Any]:
    """Return an entry as a line of `invoice`; `off` is what each discount takes from it."""
    price, rates = entry.price, subscription["default_tax_rates"]
    taxable = entry.amount - sum(off.values())
    return {
        "id": world.new_id("line_item"),
        "object": "line_item",
        "amount": entry.amount,
        "currency": price["currency"],
        "description": entry.description,
        "discount_amounts": discount_amounts(off),
        "discountable": not entry.proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": {},
        "parent": _parent(subscription["id"], entry),
        "period": {"end": entry.period.end, "start": entry.period.start},
        "pretax_credit_amounts": pretax_credits(off),
        "pricing": pricing(price, entry.unit_amount),
        "quantity": entry.quantity,
        "quantity_decimal": str(entry.quantity),
        "subscription": subscription["id"],
        "subtotal": entry.amount,
        "taxes": taxes_on_top(taxable, rates) if rates else taxes(taxable, price["currency"]),
    }


def discount_amounts(off: Mapping[str, int]) -> list[Json]:
    """Return what each discount takes off, in Stripe's form."""
    return [{"amount": amount, "discount": each} for each, amount in off.items()]


def pretax_credits(off: Mapping[str, int]) -> list[Json]:
    """Return the same as credits before tax, in Stripe's form."""
    return [{**each, "type": "discount"} for each in discount_amounts(off)]


def pricing(price: Json, unit_amount: Decimal | None = None) -> Json:
    """Return the price of a line: ids only, as since basil; `unit_amount` is that of a tier."""
    decimal = price["unit_amount_decimal"] if unit_amount is None else str(unit_amount)
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": decimal,
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
    """Return an entry as the invoice item that waits for the next invoice."""
    return {
        "id": world.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": entry.amount,
        "currency": entry.price["currency"],
        "customer": customer,
        "customer_account": None,
        "date": world.now,
        "description": entry.description,
        "discountable": not entry.proration,
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
        "proration": entry.proration,
        "proration_details": {"credited_items": None, "discount_amounts": []}
        if entry.proration
        else None,
        "quantity": entry.quantity,
        "quantity_decimal": str(entry.quantity),
        "tax_rates": [],
        "test_clock": None,
    }
