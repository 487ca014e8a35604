"""Facts of made-up customers, short enough to say in one line what matters."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.crm.facts import Facts
from sync.crm.snapshot import picture
from sync.crm.takings import Takings
from sync.mirror.facts import CustomerFacts, InvoiceFacts, ItemFacts, SubscriptionFacts
from sync.mirror.payments import Charge, Payments, Refund

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    """Return midnight of a day of 2026, counted from the first of January."""
    return START + timedelta(days=number)


NOW = day(10)


def item(unit_amount_minor: int | None = 1000, quantity: int = 1, **given: Any) -> ItemFacts:
    facts: dict[str, Any] = {
        "id": "si_1",
        "price": "price_1",
        "product": "prod_1",
        "product_name": "Coffee",
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "current_period_end": day(31),
        "unit_amount_minor": unit_amount_minor,
        "quantity": quantity,
    }
    return ItemFacts(**(facts | given))


def subscription(status: str = "active", **given: Any) -> SubscriptionFacts:
    facts: dict[str, Any] = {
        "id": "sub_1",
        "account": "",
        "livemode": False,
        "customer": "cus_1",
        "currency": "usd",
        "created": day(0),
        "start_date": day(0),
        "current_period_end": day(31),
        "trial_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
        "ended_at": None,
        "cancellation_reason": None,
        "cancellation_feedback": None,
        "pause_collection_behavior": None,
        "resumes_at": None,
        "pause_cause": None,
        "paused_at": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "latest_invoice": None,
        "items": (item(),),
    }
    return SubscriptionFacts(status=status, **(facts | given))


def invoice(status: str = "paid", paid_minor: int = 1000, **given: Any) -> InvoiceFacts:
    nothing = dict.fromkeys(
        "subscription number billing_reason collection_method next_payment_attempt due_date"
        " finalized_at invoice_pdf customer_email".split()
    )
    amounts = dict.fromkeys(
        "amount_due_minor total_minor tax_minor discount_minor".split(), paid_minor
    )
    facts: dict[str, Any] = {
        **nothing,
        **amounts,
        "id": "in_1",
        "account": "",
        "livemode": False,
        "deleted": False,
        "customer": "cus_1",
        "currency": "usd",
        "amount_paid_minor": paid_minor if status == "paid" else 0,
        "amount_remaining_minor": 0 if status == "paid" else 1000,
        "attempt_count": 1,
        "created": day(0),
        "paid_at": day(0),
        "hosted_invoice_url": "https://invoice.stripe.com/i/x",
    }
    return InvoiceFacts(status=status, **(facts | given))


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


def takings(
    charges: tuple[Charge, ...] = (), refunds: tuple[Refund, ...] = (), **given: Any
) -> Takings:
    return Takings(payments=Payments(charges, refunds), **given)


def customer(**given: Any) -> CustomerFacts:
    facts: dict[str, Any] = {
        "id": "cus_1",
        "account": "",
        "livemode": False,
        "email": "ada@example.com",
        "name": "Ada",
        "country": None,
        "preferred_locales": (),
        "metadata": {},
        "currency": "usd",
        "delinquent": False,
        "deleted": False,
        "default_payment_method": None,
    }
    return CustomerFacts(**(facts | given))


def known(*subscriptions: SubscriptionFacts, **given: Any) -> Facts:
    facts: dict[str, Any] = {
        "account": "",
        "customer_id": "cus_1",
        "livemode": False,
        "customer": customer(),
    }
    return Facts(subscriptions=subscriptions, **(facts | given))


def fields(facts: Facts, now: datetime = NOW) -> Mapping[str, Any]:
    """Return the snapshot of `facts`."""
    return picture(facts, now).fields
