"""Products and their recurring prices."""

from collections.abc import Mapping
from typing import Any

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


def plan_of(price: Json) -> dict[str, Any]:
    """Return the legacy plan of a recurring price, which Stripe still renders in raw JSON."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }
