"""Objects around payments, each as the newest and as an old API version renders it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shapes:
    """One object in two renderings, and the typed columns of both that are not null."""

    newest: Json
    oldest: Json
    columns: Json


def _at(epoch_s: int) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


def _expanded(object_type: str) -> Callable[[str], Json]:
    return lambda object_id: {"id": object_id, "object": object_type}


_customer, _charge, _intent = map(_expanded, ("customer", "charge", "payment_intent"))

_PAYMENT_INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 2900,
    "amount_capturable": 0,
    "amount_received": 0,
    "capture_method": "automatic",
    "created": 100,
    "currency": "thb",
    "description": "Subscription update",
    "last_payment_error": {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "charge": "ch_2",
    },
    "next_action": None,
    "setup_future_usage": "off_session",
    "status": "requires_payment_method",
    "canceled_at": None,
    "cancellation_reason": None,
    "payment_method": None,
}
PAYMENT_INTENT = Shapes(
    {**_PAYMENT_INTENT, "customer": "cus_1", "customer_account": None, "latest_charge": "ch_2"},
    {
        **_PAYMENT_INTENT,
        "customer": _customer("cus_1"),
        "invoice": "in_1",
        "charges": {"object": "list", "data": [_charge("ch_2"), _charge("ch_1")]},
    },
    {
        "created": _at(100),
        "customer": "cus_1",
        "status": "requires_payment_method",
        "currency": "thb",
        "amount_minor": 2900,
        "amount_received_minor": 0,
        "amount_capturable_minor": 0,
        "latest_charge": "ch_2",
        "description": "Subscription update",
        "capture_method": "automatic",
        "setup_future_usage": "off_session",
        "last_payment_error_type": "card_error",
        "last_payment_error_code": "card_declined",
        "last_payment_error_decline_code": "insufficient_funds",
    },
)

_SETUP_INTENT = {
    "id": "seti_1",
    "object": "setup_intent",
    "created": 100,
    "status": "requires_action",
    "usage": "off_session",
    "next_action": {"type": "use_stripe_sdk", "use_stripe_sdk": {}},
    "last_setup_error": None,
    "cancellation_reason": None,
    "description": None,
}
SETUP_INTENT = Shapes(
    {**_SETUP_INTENT, "customer": "cus_1", "payment_method": "pm_1", "mandate": None},
    {
        **_SETUP_INTENT,
        "customer": _customer("cus_1"),
        "payment_method": {"id": "pm_1", "object": "payment_method"},
    },
    {
        "created": _at(100),
        "customer": "cus_1",
        "status": "requires_action",
        "usage": "off_session",
        "payment_method": "pm_1",
        "next_action_type": "use_stripe_sdk",
    },
)

_CARD = {
    "brand": "visa",
    "country": "TH",
    "exp_month": 8,
    "exp_year": 2030,
    "fingerprint": "fp_1",
    "funding": "credit",
    "last4": "0341",
}
_CARD_COLUMNS = {f"card_{name}": value for name, value in _CARD.items()}
_CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 2900,
    "amount_captured": 0,
    "amount_refunded": 0,
    "balance_transaction": None,
    "captured": False,
    "created": 100,
    "currency": "thb",
    "description": None,
    "failure_code": "card_declined",
    "failure_message": "Your card has insufficient funds.",
    "outcome": {
        "network_status": "declined_by_network",
        "reason": "insufficient_funds",
        "risk_level": "normal",
        "risk_score": 21,
        "type": "issuer_declined",
    },
    "paid": False,
    "payment_method": "pm_1",
    "refunded": False,
    "status": "failed",
}
CHARGE = Shapes(
    {
        **_CHARGE,
        "customer": "cus_1",
        "disputed": False,
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": {**_CARD, "three_d_secure": None}},
    },
    {
        **_CHARGE,
        "customer": _customer("cus_1"),
        "dispute": None,
        "invoice": "in_1",
        "payment_intent": _intent("pi_1"),
        "payment_method_details": {
            "type": "card",
            "card": {**_CARD, "three_d_secure": {"authenticated": True, "succeeded": True}},
        },
        "refunds": {"object": "list", "data": [], "has_more": False},
    },
    {
        "created": _at(100),
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "status": "failed",
        "currency": "thb",
        "amount_minor": 2900,
        "amount_captured_minor": 0,
        "amount_refunded_minor": 0,
        "paid": False,
        "captured": False,
        "refunded": False,
        "disputed": False,
        "failure_code": "card_declined",
        "failure_message": "Your card has insufficient funds.",
        "outcome_type": "issuer_declined",
        "outcome_reason": "insufficient_funds",
        "network_status": "declined_by_network",
        "risk_level": "normal",
        "risk_score": 21,
        "payment_method_type": "card",
        **_CARD_COLUMNS,
    },
)

_REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 900,
    "created": 100,
    "currency": "thb",
    "reason": "requested_by_customer",
    "status": "succeeded",
}
REFUND = Shapes(
    {
        **_REFUND,
        "balance_transaction": "txn_1",
        "charge": "ch_1",
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
    },
    {
        **_REFUND,
        "balance_transaction": {"id": "txn_1", "object": "balance_transaction"},
        "charge": _charge("ch_1"),
        "payment_intent": _intent("pi_1"),
    },
    {
        "created": _at(100),
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "succeeded",
        "currency": "thb",
        "amount_minor": 900,
        "reason": "requested_by_customer",
        "balance_transaction": "txn_1",
    },
)

_DISPUTE = {
    "id": "du_1",
    "object": "dispute",
    "amount": 2900,
    "created": 100,
    "currency": "thb",
    "evidence": {"customer_name": "Ada"},
    "evidence_details": {
        "due_by": 200,
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
    },
    "is_charge_refundable": False,
    "reason": "fraudulent",
    "status": "needs_response",
}
DISPUTE = Shapes(
    {
        **_DISPUTE,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": {"network_reason_code": "10.4"}},
    },
    {
        **_DISPUTE,
        "charge": _charge("ch_1"),
        "payment_intent": _intent("pi_1"),
        "network_reason_code": "10.4",
    },
    {
        "created": _at(100),
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": "needs_response",
        "reason": "fraudulent",
        "network_reason_code": "10.4",
        "currency": "thb",
        "amount_minor": 2900,
        "is_charge_refundable": False,
        "evidence_due_by": _at(200),
        "has_evidence": False,
        "evidence_past_due": False,
        "evidence_submission_count": 0,
    },
)

_WARNING = {
    "id": "issfr_1",
    "object": "radar.early_fraud_warning",
    "actionable": True,
    "created": 100,
    "fraud_type": "made_with_stolen_card",
}
EARLY_FRAUD_WARNING = Shapes(
    {**_WARNING, "charge": "ch_1", "payment_intent": "pi_1"},
    {**_WARNING, "charge": _charge("ch_1"), "payment_intent": _intent("pi_1")},
    {
        "created": _at(100),
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "fraud_type": "made_with_stolen_card",
        "actionable": True,
    },
)

_REVIEW = {
    "id": "prv_1",
    "object": "review",
    "closed_reason": None,
    "created": 100,
    "ip_address": "192.0.2.1",
    "open": True,
    "opened_reason": "rule",
    "reason": "rule",
}
REVIEW = Shapes(
    {**_REVIEW, "charge": "ch_1", "payment_intent": "pi_1"},
    {**_REVIEW, "charge": _charge("ch_1"), "payment_intent": _intent("pi_1")},
    {
        "created": _at(100),
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "open": True,
        "reason": "rule",
        "opened_reason": "rule",
    },
)

_PAYMENT_METHOD = {"id": "pm_1", "object": "payment_method", "created": 100, "type": "card"}
PAYMENT_METHOD = Shapes(
    {
        **_PAYMENT_METHOD,
        "allow_redisplay": "always",
        "card": {**_CARD, "display_brand": "visa", "wallet": {"type": "apple_pay"}},
        "customer": "cus_1",
    },
    {
        **_PAYMENT_METHOD,
        "card": {**_CARD, "wallet": {"type": "apple_pay", "apple_pay": {}}},
        "customer": _customer("cus_1"),
    },
    {
        "created": _at(100),
        "customer": "cus_1",
        "type": "card",
        **_CARD_COLUMNS,
        "card_wallet_type": "apple_pay",
    },
)
