"""What a customer may use: entitlements, and the summary of those that are active."""

from collections.abc import Sequence
from typing import Any

from app.simulator.history import Json
from app.simulator.world import World


def entitlement(world: World, lookup_key: str) -> dict[str, Any]:
    """Return the right to use one of the shop's features."""
    return {
        "id": world.new_id("entitlements.active_entitlement"),
        "object": "entitlements.active_entitlement",
        "feature": world.new_id("entitlements.feature"),
        "livemode": False,
        "lookup_key": lookup_key,
    }


def summary(customer_id: str, active: Sequence[Json]) -> dict[str, Any]:
    """Return all that a customer may use; it has no id of its own."""
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer_id,
        "entitlements": {
            "object": "list",
            "data": list(active),
            "has_more": False,
            "url": f"/v1/customer/{customer_id}/entitlements",
        },
        "livemode": False,
    }
