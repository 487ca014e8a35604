"""The Checkout session through which somebody subscribed."""

from collections.abc import Sequence
from typing import Any

from app.simulator.history import Json
from app.simulator.periods import DAY
from app.simulator.world import World

_NOTHING_SET: Json = {
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "billing_address_collection": "required",
    "branding_settings": None,
    "client_reference_id": None,
    "client_secret": None,
    "consent": None,
    "consent_collection": None,
    "currency_conversion": None,
    "custom_fields": [],
    "customer_account": None,
    "customer_creation": "always",
    "customer_email": None,
    "excluded_payment_method_types": None,
    "invoice_creation": None,
    "livemode": False,
    "locale": "auto",
    "metadata": {},
    "mode": "subscription",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "always",
    "payment_method_configuration_details": None,
    "payment_method_types": ["card"],
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "submit_type": None,
    "ui_mode": "hosted_page",
    "url": None,
    "wallet_options": None,
}


def checkout_session(
    world: World,
    invoice: Json,
    customer: Json,
    discounts: Sequence[Json] = (),
) -> dict[str, Any]:
    """Return the completed session whose first invoice this is.

    `discounts` name the promotion code that was redeemed, or the coupon given without one.
    """
    total = invoice["total"]
    return {
        **_NOTHING_SET,
        **_who(customer),
        "id": world.new_id("checkout.session"),
        "object": "checkout.session",
        "allow_promotion_codes": True
        if any(each["promotion_code"] for each in discounts)
        else None,
        "amount_subtotal": invoice["subtotal"],
        "amount_total": total,
        "automatic_tax": {
            name: invoice["automatic_tax"][name]
            for name in ("enabled", "liability", "provider", "status")
        },
        "cancel_url": "https://shop.example.com/cart",
        "created": world.now - 90,
        "currency": invoice["currency"],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "discounts": list(discounts),
        "expires_at": world.now - 90 + DAY,
        "invoice": invoice["id"],
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_status": "paid" if total else "no_payment_required",
        "status": "complete",
        "subscription": invoice["parent"]["subscription_details"]["subscription"],
        "success_url": "https://shop.example.com/thanks",
        "total_details": {
            "amount_discount": sum(off["amount"] for off in invoice["total_discount_amounts"]),
            "amount_shipping": 0,
            "amount_tax": sum(tax["amount"] for tax in invoice["total_taxes"]),
        },
    }


def _who(customer: Json) -> dict[str, Any]:
    """Return what the customer typed in."""
    return {
        "collected_information": {
            "business_name": None,
            "individual_name": None,
            "shipping_details": {"address": customer["address"], "name": customer["name"]},
        },
        "customer": customer["id"],
        "customer_details": {
            "address": customer["address"],
            "business_name": None,
            "email": customer["email"],
            "individual_name": None,
            "name": customer["name"],
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
    }
