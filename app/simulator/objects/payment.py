"""Payment intents, charges, and what ties them to an invoice."""

from collections.abc import Mapping
from typing import Any

from app.simulator.declines import Decline
from app.simulator.history import Json
from app.simulator.objects.customer import billing_details
from app.simulator.world import World

_INTENT_NOTHING_SET: Json = {
    "amount_capturable": 0,
    "amount_received": 0,
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "customer_account": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "metadata": {},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": None,
    "payment_method_configuration_details": None,
    "processing": None,
    "review": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}
_CHARGE_NOTHING_SET: Json = {
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "radar_options": {},
    "receipt_email": None,
    "receipt_number": None,
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "transfer_data": None,
    "transfer_group": None,
}
_APPROVED: Json = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "risk_score": 21,
    "rule": None,
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_PURPOSE: Mapping[str, str] = {"subscription_create": "Subscription creation"}


def payment_intent(world: World, invoice: Json) -> dict[str, Any]:
    """Return the intent to collect an invoice, before any attempt.

    It names no invoice since basil, but carries the invoice's id as the order reference.
    """
    new_id = world.new_id("payment_intent")
    first = invoice["billing_reason"] == "subscription_create"
    return {
        **_INTENT_NOTHING_SET,
        "id": new_id,
        "object": "payment_intent",
        "amount": invoice["amount_due"],
        "amount_details": {"tip": {}},
        "capture_method": "automatic",
        "client_secret": f"{new_id}_secret_{world.token(25)}",
        "confirmation_method": "automatic",
        "created": world.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "description": _PURPOSE.get(invoice["billing_reason"], "Subscription update"),
        "payment_details": {"customer_reference": None, "order_reference": invoice["id"]},
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            },
        },
        "payment_method_types": ["card"],
        "receipt_email": invoice["customer_email"],
        "setup_future_usage": "off_session" if first else None,
        "status": "requires_payment_method",
    }


def charge(
    world: World,
    intent: Json,
    owner: Json,
    method: Json,
    decline: Decline | None,
) -> dict[str, Any]:
    """Return one attempt to charge `method`; it succeeds when there is no `decline`."""
    paid = decline is None
    new_id = world.new_id("charge")
    return {
        **_CHARGE_NOTHING_SET,
        **(_refused(decline) if decline else {"outcome": _APPROVED}),
        "id": new_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "billing_details": billing_details(owner),
        "calculated_statement_descriptor": "EVERGREEN COFFEE",
        "captured": paid,
        "created": world.now,
        "currency": intent["currency"],
        "customer": owner["id"],
        "description": intent["description"],
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": _charged_card(world, method, intent["amount"] if paid else None),
            "type": "card",
        },
        "receipt_url": f"https://pay.stripe.com/receipts/invoices/{world.token(40)}?s=ap"
        if paid
        else None,
        "status": "succeeded" if paid else "failed",
    }


def _charged_card(world: World, method: Json, authorized: int | None) -> Json:
    card = method["card"]
    shown = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")
    return {
        "amount_authorized": authorized,
        "authorization_code": None if authorized is None else world.token(6).upper(),
        **{name: card[name] for name in shown},
        "extended_authorization": {"status": "disabled"},
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": world.token(15).lower(),
        "overcapture": {"maximum_amount_capturable": authorized or 0, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "wallet": None,
    }


def _refused(decline: Decline) -> dict[str, Any]:
    return {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": {
            **_APPROVED,
            "advice_code": decline.advice_code,
            "network_decline_code": decline.network_decline_code,
            "network_status": "declined_by_network",
            "reason": decline.decline_code,
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        },
    }


def payment_error(decline: Decline, charge_id: str | None, method: Json) -> Json:
    """Return an intent's `last_payment_error`: the decline and the method as it was."""
    return {
        "advice_code": decline.advice_code,
        "charge": charge_id,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "network_advice_code": None,
        "network_decline_code": decline.network_decline_code,
        "payment_method": method,
        "type": "card_error",
    }


def next_action(intent: Json) -> Json:
    """Return what asks the customer to confirm a payment with the bank (3-D Secure)."""
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {
            "source": f"src_{intent['id'][3:]}",
            "type": "three_d_secure_redirect",
        },
    }


def invoice_payment(
    world: World,
    invoice: Json,
    intent: str,
    *,
    asked_at: int,
    amount: int | None = None,
) -> dict[str, Any]:
    """Return the tie between an invoice and the intent that paid it, or `amount` of it."""
    paid = invoice["amount_due"] if amount is None else amount
    return {
        "id": world.new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": paid,
        "amount_requested": paid,
        "created": asked_at,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent, "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": world.now},
    }


def setup_intent(world: World, customer_id: str) -> dict[str, Any]:
    """Return the set-up of a card for later payments, as a free trial asks for, at its start."""
    new_id = world.new_id("setup_intent")
    return {
        "id": new_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{new_id}_secret_{world.token(25)}",
        "created": world.now,
        "customer": customer_id,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
