"""Subscriptions and their items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.catalogue import is_metered, plan_of
from app.simulator.world import World

_NOTHING_SET: Json = {
    "application": None,
    "application_fee_percent": None,
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "customer_account": None,
    "default_source": None,
    "description": None,
    "ended_at": None,
    "livemode": False,
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status_details": None,
    "transfer_data": None,
}
NO_CANCELLATION: Json = {
    "comment": None,
    "feedback": None,
    "feedback_option": None,
    "reason": None,
}


@dataclass(frozen=True, slots=True)
class Period:
    """A span of service in Unix seconds, `end` excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a subscription begins. `trial` is None without one; `days_until_due` None by card."""

    status: str
    period: Period
    trial: Period | None = None
    days_until_due: int | None = None
    payment_method: str | None = None
    missing_payment_method: str = "create_invoice"
    taxed: bool = False
    tax_rates: Sequence[Json] = ()
    coupon: str | None = None
    promotion_code: str | None = None
    test_clock: str | None = None


def item(world: World, subscription: str, price: Json, quantity: int, period: Period) -> Json:
    """Return one line of what is subscribed to; what is metered has no quantity."""
    counted = {} if is_metered(price) else {"quantity": quantity}
    return {
        "id": world.new_id("subscription_item"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": world.now,
        "current_period_end": period.end,
        "current_period_start": period.start,
        "current_trial": None,
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        **counted,
        "subscription": subscription,
        "tax_rates": [],
    }


def items_field(items: Sequence[Json]) -> dict[str, Any]:
    """Return the fields of a subscription that show its items.

    The hidden top-level `plan` and `quantity` are null when there are several.
    """
    only = items[0] if len(items) == 1 else None
    return {
        "items": {"data": list(items)},
        "plan": only and only["plan"],
        "quantity": only and only.get("quantity"),
    }


def subscription(
    world: World,
    customer: Json,
    basket: Sequence[tuple[Json, int]],
    terms: Terms,
) -> dict[str, Any]:
    """Return a new subscription to `basket`: prices and how many of each."""
    new_id = world.new_id("subscription")
    items = [item(world, new_id, price, quantity, terms.period) for price, quantity in basket]
    shown = items_field(items)
    shown["items"] = {
        "object": "list",
        **shown["items"],
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={new_id}",
    }
    by_invoice = terms.days_until_due is not None
    return {
        **_NOTHING_SET,
        **shown,
        **_begun(world, terms),
        "id": new_id,
        "object": "subscription",
        "cancellation_details": NO_CANCELLATION,
        "collection_method": "send_invoice" if by_invoice else "charge_automatically",
        "currency": basket[0][0]["currency"],
        "customer": customer["id"],
        "days_until_due": terms.days_until_due,
        "default_payment_method": terms.payment_method,
        "default_tax_rates": list(terms.tax_rates),
        "discounts": [],
        "metadata": {},
        "status": terms.status,
        "test_clock": terms.test_clock,
    }


def _begun(world: World, terms: Terms) -> dict[str, Any]:
    trial = terms.trial
    return {
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": terms.taxed,
            "liability": {"type": "self"} if terms.taxed else None,
        },
        "billing_cycle_anchor": trial.end if trial else terms.period.start,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": world.now,
        },
        "created": world.now,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "latest_invoice": None,
        "managed_payments": {"enabled": False},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": world.now,
        "trial_end": trial and trial.end,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": terms.missing_payment_method,
            },
        },
        "trial_start": trial and trial.start,
    }
