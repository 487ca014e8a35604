"""Payments, credit notes, coupons and customers in the shapes of old API versions."""

from typing import Any

from app.simulator.history import Json
from app.simulator.versions.fields import cut_short, expanded, inside, whole, without

_UI_MODES = {"hosted_page": "hosted", "embedded_page": "embedded", "elements": "custom"}


def ui_mode(session: Json) -> dict[str, Any]:
    """Call the ways to show a Checkout page by their names until dahlia."""
    mode = session.get("ui_mode")
    return {**session, "ui_mode": _UI_MODES.get(str(mode), mode)}


def discounted_by(discount: Json) -> dict[str, Any]:
    """Embed a discount's coupon, of which clover left the id below `source`."""
    coupon = inside(discount, "source", "coupon")
    return {**without(discount, "source"), "coupon": expanded(coupon, "coupon")}


def promoted(code: Json) -> dict[str, Any]:
    """Embed a promotion code's coupon, of which clover left the id below `promotion`."""
    coupon = inside(code, "promotion", "coupon")
    return {**without(code, "promotion"), "coupon": expanded(coupon, "coupon")}


def one_refund(note: Json) -> dict[str, Any]:
    """Name a credit note's one refund, which became a list in basil."""
    refunds = note.get("refunds") or [{}]
    return {**without(note, "refunds"), "refund": refunds[0].get("refund")}


def intent_of_invoice(intent: Json) -> dict[str, Any]:
    """Name the invoice that an intent pays, as until basil."""
    reference = inside(intent, "payment_details", "order_reference") or ""
    return {**intent, "invoice": reference if reference.startswith("in_") else None}


def shipping_on_top(session: Json) -> dict[str, Any]:
    """Show where to ship on top of a Checkout session, as until basil."""
    collected = session.get("collected_information") or {}
    return {
        **session,
        "collected_information": without(collected, "shipping_details"),
        "shipping_details": collected.get("shipping_details"),
    }


def shipping_rate(session: Json) -> dict[str, Any]:
    """Call shipping details `shipping`, with the rate beside them, as until 2022-08-01."""
    return {
        **without(session, "shipping_details", "shipping_cost"),
        "shipping": session.get("shipping_details"),
        "shipping_rate": inside(session, "shipping_cost", "shipping_rate"),
    }


def charges_of_intent(intent: Json) -> dict[str, Any]:
    """Embed the charges of an intent, of which only the newest is known by its id."""
    newest = expanded(intent.get("latest_charge"), "charge")
    url = f"/v1/charges?payment_intent={intent['id']}"
    return {**without(intent, "latest_charge"), "charges": whole([newest] if newest else [], url)}


def refunds_of_charge(charge: Json) -> dict[str, Any]:
    """Embed the refunds of a charge, as until 2022-11-15; the event tells only their sum."""
    url = f"/v1/charges/{charge['id']}/refunds"
    refunds = cut_short(url) if charge.get("amount_refunded") else whole([], url)
    return {**charge, "refunds": refunds}


def authenticated(charge: Json) -> dict[str, Any]:
    """Say of 3-D Secure whether it worked, which one `result` has said since 2020-08-27."""
    details = charge.get("payment_method_details") or {}
    secure = inside(details, "card", "three_d_secure")
    if not secure:
        return dict(charge)
    result = secure.get("result")
    flags = {
        "authenticated": result == "authenticated",
        "succeeded": result in {"authenticated", "attempt_acknowledged", "exempted"},
    }
    card = {**details["card"], "three_d_secure": {**without(secure, "result"), **flags}}
    return {**charge, "payment_method_details": {**details, "card": card}}


def embedded_lists(customer: Json) -> dict[str, Any]:
    """Embed what belongs to a customer, as until 2020-08-27; the event does not tell it."""
    url = f"/v1/customers/{customer['id']}"
    return {
        **customer,
        "sources": cut_short(f"{url}/sources"),
        "subscriptions": cut_short(f"{url}/subscriptions"),
        "tax_ids": cut_short(f"{url}/tax_ids"),
    }
