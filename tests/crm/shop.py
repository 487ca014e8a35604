"""Events of a small shop for the tests of vendors: customers, what they bought and paid."""

from collections.abc import Mapping
from itertools import count
from typing import Any

Json = Mapping[str, Any]
_NUMBERS = count()
DAY = 1_767_225_600  # 2026-01-01


def told(obj: Json, second: int = 0, kind: str = "updated") -> Json:
    """Return an event that shows `obj`, so many seconds after the first day began."""
    return {
        "id": f"evt_{next(_NUMBERS)}",
        "object": "event",
        "type": f"{NAMES.get(obj['object'], obj['object'])}.{kind}",
        "created": DAY + second,
        "livemode": False,
        "data": {"object": obj},
    }


NAMES = {"subscription": "customer.subscription"}


def customer(who: str, email: str | None = None, **given: Any) -> Json:
    """Return a customer."""
    return {
        "id": who,
        "object": "customer",
        "created": DAY,
        "email": email,
        "currency": "usd",
    } | given


def subscription(who: str, unit_amount: int = 1000, **given: Any) -> Json:
    """Return a customer's subscription."""
    price = {
        "id": f"price_{unit_amount}",
        "object": "price",
        "currency": "usd",
        "unit_amount": unit_amount,
        "recurring": {"interval": "month", "interval_count": 1},
    }
    items = {"data": [{"id": f"si_{who}", "quantity": 1, "price": price}], "has_more": False}
    return {
        "id": f"sub_{who}",
        "object": "subscription",
        "customer": who,
        "status": "active",
        "created": DAY,
        "currency": "usd",
        "items": items,
    } | given


def paid(who: str, amount: int = 1000, number: int = 1) -> Json:
    """Return a paid invoice."""
    return {
        "id": f"in_{who}_{number}",
        "object": "invoice",
        "customer": who,
        "status": "paid",
        "currency": "usd",
        "amount_paid": amount,
        "attempt_count": 1,
        "created": DAY,
        "status_transitions": {"paid_at": DAY + number},
    }
