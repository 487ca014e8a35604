"""What goes wrong after a charge: warnings of fraud, reviews and disputes."""

from typing import Any

from app.simulator.history import Json
from app.simulator.periods import DAY
from app.simulator.world import World

_EVIDENCE = (
    "access_activity_log",
    "appeal",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
DISPUTE_FEE = 1500


def dispute(world: World, charge: Json, reason: str) -> dict[str, Any]:
    """Return the dispute of a whole charge, which waits for the shop's answer."""
    brand = charge["payment_method_details"]["card"]["brand"]
    return {
        "id": world.new_id("dispute"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": world.now + 9 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4",
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "chargeback",
                "network": brand,
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }


def withdrawal(world: World, disputed: Json, *, back: bool = False) -> dict[str, Any]:
    """Return the balance transaction that takes the money with a fee, or gives both `back`."""
    sign, what = (1, "reversal") if back else (-1, "withdrawal")
    amount, fee = sign * disputed["amount"], -sign * DISPUTE_FEE
    return {
        "id": world.new_id("transaction"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": world.now + 2 * DAY,
        "balance_type": "payments",
        "created": world.now,
        "currency": disputed["currency"],
        "description": f"Chargeback {what} for {disputed['charge']}",
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [
            {
                "amount": fee,
                "application": None,
                "currency": disputed["currency"],
                "description": "Dispute fee",
                "type": "stripe_fee",
            },
        ],
        "net": amount - fee,
        "reporting_category": "dispute_reversal" if back else "dispute",
        "source": disputed["id"],
        "status": "pending",
        "type": "adjustment",
    }


def early_fraud_warning(world: World, charge: Json) -> dict[str, Any]:
    """Return the card network's warning that a charge may be fraud."""
    return {
        "id": world.new_id("radar.early_fraud_warning"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": world.now,
        "fraud_type": "unauthorized_use_of_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }


def review(world: World, charge: Json) -> dict[str, Any]:
    """Return the review of a payment that one of the shop's rules asked for."""
    return {
        "id": world.new_id("review"),
        "object": "review",
        "billing_zip": charge["billing_details"]["address"]["postal_code"],
        "charge": charge["id"],
        "closed_reason": None,
        "created": world.now,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": charge["payment_intent"],
        "reason": "rule",
        "session": None,
    }
