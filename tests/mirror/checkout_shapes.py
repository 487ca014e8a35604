"""Checkout sessions, payment links and payouts, as new and old API versions render them."""

from datetime import UTC, datetime
from typing import Any

from tests.mirror.payment_shapes import Shapes


def _at(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


_SESSION: dict[str, Any] = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "amount_subtotal": 2700,
    "amount_total": 2900,
    "client_reference_id": "cart-1",
    "created": 100,
    "currency": "thb",
    "expires_at": 200,
    "mode": "subscription",
    "payment_intent": None,
    "payment_status": "paid",
    "setup_intent": None,
    "status": "complete",
    "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 200},
}
_TO_THAILAND = {"name": "Ada", "address": {"country": "TH", "line1": "1 Silom"}}
CHECKOUT_SESSION = Shapes(
    {
        **_SESSION,
        "collected_information": {"shipping_details": _TO_THAILAND},
        "customer": "cus_1",
        "invoice": "in_1",
        "payment_link": "plink_1",
        "subscription": "sub_1",
        "ui_mode": "hosted_page",
    },
    {
        **_SESSION,
        "customer": {"id": "cus_1", "object": "customer"},
        "display_items": [{"amount": 2900, "quantity": 1}],
        "invoice": {"id": "in_1", "object": "invoice"},
        "payment_link": {"id": "plink_1", "object": "payment_link"},
        "shipping": _TO_THAILAND,
        "subscription": {"id": "sub_1", "object": "subscription"},
    },
    {
        "created": _at(100),
        "expires_at": _at(200),
        "customer": "cus_1",
        "mode": "subscription",
        "status": "complete",
        "payment_status": "paid",
        "currency": "thb",
        "amount_subtotal_minor": 2700,
        "amount_total_minor": 2900,
        "amount_discount_minor": 0,
        "amount_shipping_minor": 0,
        "amount_tax_minor": 200,
        "invoice": "in_1",
        "payment_link": "plink_1",
        "subscription": "sub_1",
        "client_reference_id": "cart-1",
        "shipping_country": "TH",
    },
)

_LINK = {
    "id": "plink_1",
    "object": "payment_link",
    "active": True,
    "allow_promotion_codes": False,
    "currency": "thb",
    "restrictions": {"completed_sessions": {"count": 3, "limit": 10}},
    "submit_type": "auto",
    "url": "https://buy.stripe.com/test_1",
}
PAYMENT_LINK = Shapes(
    {**_LINK, "subscription_data": {"trial_period_days": 14}, "name_collection": None},
    {**_LINK, "subscription_data": {"trial_period_days": 14, "description": None}},
    {
        "active": True,
        "url": "https://buy.stripe.com/test_1",
        "currency": "thb",
        "submit_type": "auto",
        "allow_promotion_codes": False,
        "trial_period_days": 14,
        "completed_sessions_count": 3,
        "completed_sessions_limit": 10,
    },
)

_PAYOUT = {
    "id": "po_1",
    "object": "payout",
    "amount": -900,
    "arrival_date": 300,
    "automatic": True,
    "created": 100,
    "currency": "thb",
    "description": "STRIPE PAYOUT",
    "method": "standard",
    "source_type": "card",
    "status": "paid",
    "type": "bank_account",
}
PAYOUT = Shapes(
    {**_PAYOUT, "balance_transaction": "txn_1", "destination": "ba_1", "original_payout": None},
    {
        **_PAYOUT,
        "balance_transaction": {"id": "txn_1", "object": "balance_transaction"},
        "destination": {"id": "ba_1", "object": "bank_account"},
    },
    {
        "created": _at(100),
        "arrival_date": _at(300),
        "status": "paid",
        "currency": "thb",
        "amount_minor": -900,
        "automatic": True,
        "method": "standard",
        "type": "bank_account",
        "source_type": "card",
        "destination": "ba_1",
        "balance_transaction": "txn_1",
        "description": "STRIPE PAYOUT",
    },
)
