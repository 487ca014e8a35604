"""Quotes, and the payment links that sell without one."""

from collections.abc import Sequence
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.tiers import amount
from app.simulator.periods import DAY
from app.simulator.world import World

_QUOTE_NOTHING_SET: Json = {
    "application": None,
    "application_fee_amount": None,
    "application_fee_percent": None,
    "customer_account": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "footer": None,
    "from_quote": None,
    "header": None,
    "invoice": None,
    "livemode": False,
    "metadata": {},
    "number": None,
    "on_behalf_of": None,
    "status": "draft",
    "subscription": None,
    "subscription_schedule": None,
    "test_clock": None,
    "transfer_data": None,
}
_LINK_NOTHING_SET: Json = {
    "active": True,
    "allow_promotion_codes": False,
    "application": None,
    "application_fee_amount": None,
    "application_fee_percent": None,
    "consent_collection": None,
    "custom_fields": [],
    "customer_creation": "if_required",
    "inactive_message": None,
    "invoice_creation": None,
    "livemode": False,
    "metadata": {},
    "on_behalf_of": None,
    "payment_intent_data": None,
    "payment_method_collection": "always",
    "payment_method_types": None,
    "restrictions": None,
    "shipping_address_collection": None,
    "shipping_options": [],
    "submit_type": "auto",
    "transfer_data": None,
}
_NO_DETAILS: Json = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}


def quote(world: World, customer_id: str, goods: Sequence[tuple[Json, int]]) -> dict[str, Any]:
    """Return a draft quote for a subscription to `goods`, which is to be paid by invoice."""
    new_id = world.new_id("quote")
    price, _ = goods[0]
    total = sum(amount(each, quantity) for each, quantity in goods)
    amounts = {"amount_subtotal": total, "amount_total": total, "total_details": _NO_DETAILS}
    recurring = {name: price["recurring"][name] for name in ("interval", "interval_count")}
    return {
        **_QUOTE_NOTHING_SET,
        **amounts,
        "id": new_id,
        "object": "quote",
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "collection_method": "send_invoice",
        "computed": {"recurring": {**amounts, **recurring}, "upfront": amounts},
        "created": world.now,
        "currency": price["currency"],
        "customer": customer_id,
        "expires_at": world.now + 30 * DAY,
        "invoice_settings": {
            "custom_fields": None,
            "days_until_due": 30,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "line_items": line_items(world, goods, f"/v1/quotes/{new_id}/line_items"),
        "status_transitions": {"accepted_at": None, "canceled_at": None, "finalized_at": None},
        "subscription_data": {
            "billing_mode": {
                "flexible": {"proration_discounts": "included"},
                "type": "flexible",
            },
            "description": None,
            "effective_date": None,
            "metadata": {},
            "trial_period_days": None,
        },
    }


def payment_link(world: World, goods: Sequence[tuple[Json, int]]) -> dict[str, Any]:
    """Return a link through which anybody can subscribe to `goods`."""
    new_id = world.new_id("payment_link")
    return {
        **_LINK_NOTHING_SET,
        "id": new_id,
        "object": "payment_link",
        "after_completion": {
            "hosted_confirmation": {"custom_message": None},
            "redirect": None,
            "type": "hosted_confirmation",
        },
        "automatic_tax": {"enabled": False, "liability": None},
        "billing_address_collection": "auto",
        "currency": goods[0][0]["currency"],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "line_items": line_items(world, goods, f"/v1/payment_links/{new_id}/line_items"),
        "phone_number_collection": {"enabled": False},
        "subscription_data": None,
        "tax_id_collection": {"enabled": False, "required": "never"},
        "url": f"https://buy.stripe.com/test_{world.token(18)}",
    }


def line_items(world: World, goods: Sequence[tuple[Json, int]], url: str) -> Json:
    """Return what is sold; Stripe shows it only when it is asked for."""
    data = [_line_item(world, price, quantity) for price, quantity in goods]
    return {"object": "list", "data": data, "has_more": False, "url": url}


def _line_item(world: World, price: Json, quantity: int) -> Json:
    total = amount(price, quantity)
    return {
        "id": world.new_id("item"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": world[price["product"]]["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }
