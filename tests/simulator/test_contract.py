"""The simulator speaks the API version that the installed stripe package is made for."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
import stripe
from stripe._api_version import _ApiVersion

from app.simulator.history import API_VERSION
from app.simulator.lives import LIVES
from tests.simulator.histories import told

CLASSES: Mapping[str, type] = {
    "balance_transaction": stripe.BalanceTransaction,
    "billing.meter": stripe.billing.Meter,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "coupon": stripe.Coupon,
    "credit_note": stripe.CreditNote,
    "credit_note_line_item": stripe.CreditNoteLineItem,
    "customer": stripe.Customer,
    "discount": stripe.Discount,
    "dispute": stripe.Dispute,
    "entitlements.active_entitlement": stripe.entitlements.ActiveEntitlement,
    "entitlements.active_entitlement_summary": stripe.entitlements.ActiveEntitlementSummary,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_link": stripe.PaymentLink,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "quote": stripe.Quote,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "refund": stripe.Refund,
    "review": stripe.Review,
    "setup_intent": stripe.SetupIntent,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "subscription_schedule": stripe.SubscriptionSchedule,
    "tax_id": stripe.TaxId,
    "tax_rate": stripe.TaxRate,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
}
# Stripe still renders these in raw JSON, though its specification hides them.
HIDDEN = {
    "product": {"attributes"},
    "subscription": {"plan", "quantity"},
}


def objects_within(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if value.get("object") not in {None, "list"}:
            yield value
        for part in value.values():
            yield from objects_within(part)
    elif isinstance(value, list):
        for part in value:
            yield from objects_within(part)


def test_version_is_the_one_stripe_python_pins() -> None:
    assert API_VERSION == _ApiVersion.CURRENT


@pytest.mark.parametrize("life", sorted(LIVES))
def test_every_field_exists_in_stripes_own_classes(life: str) -> None:
    for event in told(2, life).events:
        for found in objects_within(event["data"]["object"]):
            kind = found["object"]
            unknown = found.keys() - set(CLASSES[kind].__annotations__) - HIDDEN.get(kind, set())
            assert not unknown, f"{event['type']}: {kind}.{unknown}"


@pytest.mark.parametrize("life", sorted(LIVES))
def test_every_event_type_exists(life: str) -> None:
    known = set(get_args(stripe.Event.__annotations__["type"]))

    assert {event["type"] for event in told(2, life).events} <= known
