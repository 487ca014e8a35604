"""Subscription schedules and their phases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.subscription import Period
from app.simulator.world import World

_PHASE_NOTHING_SET: Json = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": None,
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "transfer_data": None,
    "trial_end": None,
}


@dataclass(frozen=True, slots=True)
class Phase:
    """What is subscribed to in a part of a schedule: prices, and how many of each."""

    period: Period
    basket: Sequence[tuple[Json, int]]


def schedule(world: World, subscription: Json, phases: Sequence[Phase]) -> dict[str, Any]:
    """Return a schedule that has taken a running subscription in hand, in its first phase."""
    first = phases[0].period
    return {
        "id": world.new_id("subscription_schedule"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": world.now,
        "current_phase": {"end_date": first.end, "start_date": first.start},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": _settings(subscription),
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": phases_field(phases),
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


def phases_field(phases: Sequence[Phase]) -> list[Json]:
    """Return phases in Stripe's form."""
    return [
        {
            **_PHASE_NOTHING_SET,
            "currency": phase.basket[0][0]["currency"],
            "end_date": phase.period.end,
            "items": [_item(price, quantity) for price, quantity in phase.basket],
            "start_date": phase.period.start,
        }
        for phase in phases
    ]


def _item(price: Json, quantity: int) -> Json:
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price["id"],
        "price": price["id"],
        "quantity": quantity,
        "tax_rates": [],
    }


def _settings(subscription: Json) -> Json:
    return {
        "application_fee_percent": None,
        "automatic_tax": subscription["automatic_tax"],
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": subscription["collection_method"],
        "default_payment_method": subscription["default_payment_method"],
        "description": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": subscription["days_until_due"],
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }
