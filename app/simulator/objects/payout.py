"""Payouts: what Stripe sends to the shop's bank."""

from typing import Any

from app.simulator.periods import DAY
from app.simulator.world import World


def payout(world: World, amount: int, currency: str) -> dict[str, Any]:
    """Return an automatic payout that has just been set out."""
    return {
        "id": world.new_id("payout"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": (world.now // DAY + 3) * DAY,
        "automatic": True,
        "balance_transaction": world.new_id("transaction"),
        "created": world.now,
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": f"ba_1{world.token(23)}",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
