"""Products, their prices, and the meters that some of those count by."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.simulator.goods import Tier
from app.simulator.history import Json
from app.simulator.world import World


def product(
    world: World,
    *,
    name: str,
    description: str,
    shippable: bool,
    metadata: Mapping[str, str],
) -> dict[str, Any]:
    """Return a product on sale."""
    return {
        "id": world.new_id("product"),
        "object": "product",
        "active": True,
        "attributes": [],
        "created": world.now,
        "default_price": None,
        "description": description,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": dict(metadata),
        "name": name,
        "package_dimensions": None,
        "shippable": shippable,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": None,
        "updated": world.now,
        "url": None,
    }


def price(
    world: World,
    *,
    product_id: str,
    nickname: str,
    lookup_key: str,
    interval: str,
    unit_amount: int,
    currency: str,
    metadata: Mapping[str, str],
) -> dict[str, Any]:
    """Return a licensed per-unit price, billed once each month or year; tax is inside it."""
    return {
        "id": world.new_id("price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": lookup_key,
        "metadata": dict(metadata),
        "nickname": nickname,
        "product": product_id,
        "recurring": {
            "interval": interval,
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "inclusive",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def once(of_price: Json) -> Json:
    """Return a price as one that is paid once."""
    return {**of_price, "recurring": None, "type": "one_time"}


def tiered(of_price: Json, mode: str, tiers: Sequence[Tier]) -> Json:
    """Return a price as one whose unit amount depends on the quantity."""
    shown = [
        {
            "flat_amount": None,
            "flat_amount_decimal": None,
            "unit_amount": int(tier.unit_amount) if tier.unit_amount % 1 == 0 else None,
            "unit_amount_decimal": str(tier.unit_amount),
            "up_to": tier.up_to,
        }
        for tier in tiers
    ]
    nothing = {"unit_amount": None, "unit_amount_decimal": None}
    return {
        **of_price,
        **nothing,
        "billing_scheme": "tiered",
        "tiers": shown,
        "tiers_mode": mode,
    }


def metered(of_price: Json, meter_id: str) -> Json:
    """Return a price as one for what a meter counted, paid at each period's end."""
    recurring = {**of_price["recurring"], "meter": meter_id, "usage_type": "metered"}
    return {**of_price, "recurring": recurring}


def is_metered(price: Json) -> bool:
    """Tell whether one pays for what was used."""
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def meter(world: World, event_name: str, display_name: str) -> dict[str, Any]:
    """Return a meter that adds up the values of the events of one name."""
    return {
        "id": world.new_id("billing.meter"),
        "object": "billing.meter",
        "created": world.now,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": "sum"},
        "display_name": display_name,
        "event_name": event_name,
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": world.now,
        "value_settings": {"event_payload_key": "value"},
    }


def plan_of(price: Json) -> dict[str, Any]:
    """Return the legacy plan of a recurring price, which Stripe still renders in raw JSON."""
    recurring = price["recurring"]
    tiers = {"tiers": price["tiers"]} if "tiers" in price else {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        **tiers,
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": recurring["usage_type"],
    }
