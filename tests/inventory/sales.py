"""Sales as Stripe tells them: small objects and their events, in two ages of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Json = dict[str, Any]
_NUMBERS = count(1)


def event(type_: str, subject: Mapping[str, Any], created: int, **envelope: Any) -> Json:
    return {
        "id": f"evt_{next(_NUMBERS)}",
        "object": "event",
        "type": type_,
        "created": created,
        "livemode": False,
        "data": {"object": dict(subject)},
        **envelope,
    }


def product(product_id: str, **metadata: str) -> Json:
    return {
        "id": product_id,
        "object": "product",
        "name": product_id,
        "active": True,
        "created": 1,
        "metadata": metadata,
    }


def price(price_id: str, product_id: str, *, unit_amount: int = 1000, **metadata: str) -> Json:
    return {
        "id": price_id,
        "object": "price",
        "product": product_id,
        "active": True,
        "created": 1,
        "currency": "usd",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
        "lookup_key": None,
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "metadata": metadata,
    }


def subscription(subscription_id: str, item_id: str, price_: Json, **item_metadata: str) -> Json:
    item = {
        "id": item_id,
        "object": "subscription_item",
        "created": 1,
        "price": price_,
        "quantity": 1,
        "metadata": item_metadata,
    }
    return {
        "id": subscription_id,
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "created": 1,
        "items": {"object": "list", "data": [item], "has_more": False},
    }


@dataclass(frozen=True, kw_only=True)
class Sold:
    """One line: so many of a price, each at `unit_amount` minor units."""

    id: str
    price: str
    product: str
    quantity: int = 1
    unit_amount: int = 1000
    extra: Mapping[str, Any] = field(default_factory=dict)
    subscription: str | None = None
    item: str | None = None

    def as_line(self) -> Json:
        """Return the line as an invoice embeds it since basil."""
        details = {
            "proration": False,
            "subscription": self.subscription,
            "subscription_item": self.item,
        }
        return {
            "id": self.id,
            "object": "line_item",
            "amount": self.quantity * self.unit_amount,
            "currency": "usd",
            "quantity": self.quantity,
            "discount_amounts": [],
            "discounts": [],
            "parent": {
                "type": "subscription_item_details",
                "subscription_item_details": details,
            },
            "pricing": {"price_details": {"price": self.price, "product": self.product}},
            "period": {"start": 1, "end": 2},
            **self.extra,
        }


def invoice(invoice_id: str, status: str, lines: Sequence[Sold], **extra: Any) -> Json:
    total = sum(line.quantity * line.unit_amount for line in lines)
    return {
        "id": invoice_id,
        "object": "invoice",
        "customer": "cus_1",
        "created": 10,
        "status": status,
        "currency": "usd",
        "amount_due": total,
        "amount_paid": total if status == "paid" else 0,
        "total": total,
        "metadata": {},
        "lines": {"object": "list", "data": [each.as_line() for each in lines], "has_more": False},
        **extra,
    }


def charge(charge_id: str, intent: str | None, amount: int, refunded: int = 0, **x: Any) -> Json:
    return {
        "id": charge_id,
        "object": "charge",
        "customer": "cus_1",
        "created": 11,
        "currency": "usd",
        "status": "succeeded",
        "amount": amount,
        "amount_refunded": refunded,
        "refunded": refunded == amount,
        "payment_intent": intent,
        **x,
    }


def refund(refund_id: str, charge_id: str, intent: str | None, amount: int, status: str) -> Json:
    return {
        "id": refund_id,
        "object": "refund",
        "charge": charge_id,
        "payment_intent": intent,
        "created": 12,
        "currency": "usd",
        "amount": amount,
        "status": status,
    }


def invoice_payment(invoice_id: str, intent: str) -> Json:
    return {
        "id": f"inpay_{invoice_id}",
        "object": "invoice_payment",
        "invoice": invoice_id,
        "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": intent},
    }


def credit_note(
    note_id: str, invoice_id: str, credited: Mapping[str, int | None], amount: int, **extra: Any
) -> Json:
    """Credit so many of each line; None credits money only."""
    lines = [
        {
            "id": f"cnli_{note_id}_{line}",
            "type": "invoice_line_item",
            "invoice_line_item": line,
            "quantity": quantity,
            "amount": amount // len(credited),
        }
        for line, quantity in credited.items()
    ]
    return {
        "id": note_id,
        "object": "credit_note",
        "customer": "cus_1",
        "invoice": invoice_id,
        "status": "issued",
        "amount": amount,
        "created": 13,
        "lines": {"object": "list", "data": lines, "has_more": False},
        **extra,
    }
