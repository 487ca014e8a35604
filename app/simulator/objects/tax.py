"""Tax ids of customers and tax rates of the shop."""

from typing import Any

from app.simulator.world import World


def tax_id(world: World, customer_id: str, country: str, value: str) -> dict[str, Any]:
    """Return a European VAT number that has not been verified yet."""
    return {
        "id": world.new_id("tax_id"),
        "object": "tax_id",
        "country": country,
        "created": world.now,
        "customer": customer_id,
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": customer_id, "customer_account": None, "type": "customer"},
        "type": "eu_vat",
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }


def tax_rate(world: World, name: str, percentage: float, state: str) -> dict[str, Any]:
    """Return a sales tax of one of the United States, which comes on top of a price."""
    return {
        "id": world.new_id("tax_rate"),
        "object": "tax_rate",
        "active": True,
        "country": "US",
        "created": world.now,
        "description": None,
        "display_name": name,
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": False,
        "jurisdiction": state,
        "jurisdiction_level": "state",
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": state,
        "tax_type": "sales_tax",
    }
