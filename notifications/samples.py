"""A shop's customer who does not exist, for previews, test mails and the linter."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from notifications.case import Case
from notifications.offers import Offer
from notifications.policy import MailPolicy
from notifications.terms import Method
from sync.mirror.facts import CustomerFacts, InvoiceFacts, ItemFacts, SubscriptionFacts

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PERIOD_END = NOW + timedelta(days=30)
CARD = Method(id="pm_sample", type="card", brand="visa", last4="4242", exp_month=12, exp_year=2026)
HALF = Fraction(50)
OFFER = Offer(
    code="WELCOME-BACK-7Q2K", percent_off=Decimal(20), expires_at=NOW + timedelta(days=14)
)

CUSTOMER = CustomerFacts(
    id="cus_sample",
    account="",
    livemode=False,
    deleted=False,
    email="ada@customer.example",
    name="Ada Lovelace",
    country=None,
    preferred_locales=(),
    metadata={},
)
ITEM = ItemFacts(
    id="si_sample",
    price="price_sample",
    product="prod_sample",
    product_name="Garden Box",
    quantity=1,
    currency="usd",
    unit_amount_minor=2900,
    interval="month",
    interval_count=1,
    current_period_end=PERIOD_END,
)
ITEM_METERED = replace(
    ITEM,
    id="si_sample_metered",
    price="price_sample_metered",
    product="prod_sample_metered",
    product_name="Extra deliveries",
    unit_amount_minor=None,
)
_SUBSCRIPTION = SubscriptionFacts(
    id="sub_sample",
    account="",
    livemode=False,
    customer=CUSTOMER.id,
    status="active",
    created=NOW - timedelta(days=335),
    currency="usd",
    start_date=NOW - timedelta(days=335),
    current_period_end=PERIOD_END,
    trial_end=None,
    cancel_at_period_end=False,
    cancel_at=None,
    canceled_at=None,
    ended_at=None,
    cancellation_reason=None,
    cancellation_feedback=None,
    pause_collection_behavior=None,
    resumes_at=None,
    pause_cause=None,
    paused_at=None,
    collection_method="charge_automatically",
    default_payment_method="pm_sample",
    latest_invoice="in_sample",
    items=(ITEM,),
)
_INVOICE = InvoiceFacts(
    id="in_sample",
    account="",
    livemode=False,
    deleted=False,
    customer=CUSTOMER.id,
    subscription=_SUBSCRIPTION.id,
    status="open",
    number="GB-0042",
    billing_reason="subscription_cycle",
    collection_method="charge_automatically",
    currency="usd",
    amount_due_minor=2900,
    amount_paid_minor=0,
    amount_remaining_minor=2900,
    total_minor=2900,
    tax_minor=0,
    discount_minor=0,
    attempt_count=1,
    next_payment_attempt=None,
    due_date=None,
    finalized_at=NOW - timedelta(hours=1),
    paid_at=None,
    hosted_invoice_url="https://invoice.stripe.com/i/sample",
    invoice_pdf="https://invoice.stripe.com/i/sample/pdf",
    customer_email=CUSTOMER.email,
    created=NOW - timedelta(hours=1),
)


def subscription(**changed: Any) -> SubscriptionFacts:
    """Return a running subscription, with the fields named changed."""
    return replace(_SUBSCRIPTION, **changed)


def invoice(**changed: Any) -> InvoiceFacts:
    """Return an open invoice whose charge failed, with the fields named changed."""
    return replace(_INVOICE, **changed)


def case(policy: MailPolicy, *, subject: Mapping[str, str], **known: Any) -> Case:
    """Return a case of the sample customer at `NOW`."""
    return Case(subject=subject, now=NOW, policy=policy, customer=CUSTOMER, **known)
