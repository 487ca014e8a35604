"""Facts of made-up customers, short enough to say in one line what matters."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sync.crm.facts import Customer, Facts, Invoice, Item, Subscription
from sync.mirror.payments import Charge, Payments, Refund

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Return midnight of a day of 2026, counted from the first of January."""
    return START + timedelta(days=number)


def item(unit_amount: int | None = 1000, quantity: int = 1, **given: Any) -> Item:
    facts: dict[str, Any] = {
        "name": "Coffee",
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "metered": False,
        "unit_amount": None if unit_amount is None else Decimal(unit_amount),
        "quantity": quantity,
    }
    return Item(**(facts | given))


def subscription(status: str = "active", **given: Any) -> Subscription:
    facts: dict[str, Any] = {
        "id": "sub_1",
        "currency": "usd",
        "created": day(0),
        "current_period_end": day(31),
        "trial_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "cancellation_reason": None,
        "cancellation_feedback": None,
        "pauses_collection": None,
        "resumes_at": None,
        "default_payment_method": None,
        "items": (item(),),
    }
    return Subscription(status=status, **(facts | given))


def invoice(status: str = "paid", paid_minor: int = 1000, **given: Any) -> Invoice:
    facts: dict[str, Any] = {
        "id": "in_1",
        "currency": "usd",
        "amount_paid_minor": paid_minor if status == "paid" else 0,
        "amount_remaining_minor": 0 if status == "paid" else 1000,
        "attempt_count": 1,
        "created": day(0),
        "paid_at": day(0),
        "next_payment_attempt": None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/x",
    }
    return Invoice(status=status, **(facts | given))


def charge(charge_id: str = "ch_1", status: str = "succeeded", **given: Any) -> Charge:
    facts: dict[str, Any] = {
        "payment_intent": "pi_1",
        "currency": "usd",
        "amount_refunded_minor": 0,
        "created": day(0),
    }
    return Charge(id=charge_id, status=status, **(facts | given))


def refund(amount_minor: int, status: str = "succeeded", currency: str = "usd") -> Refund:
    return Refund(
        id=f"re_{amount_minor}",
        charge="ch_1",
        payment_intent="pi_1",
        status=status,
        currency=currency,
        amount_minor=amount_minor,
    )


def customer(**given: Any) -> Customer:
    facts: dict[str, Any] = {
        "email": "ada@example.com",
        "name": "Ada",
        "currency": "usd",
        "delinquent": False,
        "deleted": False,
        "default_payment_method": None,
    }
    return Customer(**(facts | given))


def known(*subscriptions: Subscription, **given: Any) -> Facts:
    facts: dict[str, Any] = {
        "account": "",
        "customer_id": "cus_1",
        "livemode": False,
        "customer": customer(),
        "payments": Payments((), ()),
        "card_expiry": {},
    }
    return Facts(subscriptions=subscriptions, **(facts | given))
