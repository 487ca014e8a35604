"""What write requests make: each function checks as Stripe does, and returns the object."""

from datetime import datetime, timedelta
from typing import Any

from app.simulator.history import API_VERSION, Json
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.refusal import Refused, missing

_CHECKOUT_LIVES = timedelta(hours=24)
_ABOUT_SUBSCRIPTION = {"subscription_cancel", "subscription_pause", "subscription_update"}
_FLOWS = {"customer_update", "payment_method_update", *_ABOUT_SUBSCRIPTION}


def portal_session(account: Account, params: Json) -> Json:
    """Return a customer portal session, opened at a flow where one is asked for."""
    customer = _named(account, "customer", params["customer"], "customer")
    flow = params.get("flow_data")
    if flow is not None:
        _check_flow(account, flow)
    made_id = account.new_id("bps")
    return {
        "id": made_id,
        "object": "billing_portal.session",
        "configuration": "bpc_1Evergreen",
        "created": _now_s(account),
        "customer": customer["id"],
        "flow": flow,
        "livemode": False,
        "locale": params.get("locale"),
        "return_url": params.get("return_url"),
        "url": f"{account.portal_pages}/{made_id}",
    }


def _check_flow(account: Account, flow: Json) -> None:
    kind = flow.get("type")
    if kind not in _FLOWS:
        raise Refused(400, f"Invalid flow_data[type]: {kind}", param="flow_data[type]")
    if kind in _ABOUT_SUBSCRIPTION:
        param = f"flow_data[{kind}][subscription]"
        about = (flow.get(kind) or {}).get("subscription")
        if about is None:
            raise _lacking(param)
        _named(account, "subscription", about, param)


def checkout_session(account: Account, params: Json) -> Json:
    """Return an open Checkout session, a promotion code already applied where one is given."""
    customer = _named(account, "customer", params["customer"], "customer")
    discounts = params.get("discounts", [])
    if discounts and "allow_promotion_codes" in params:
        raise Refused(400, "You may only specify one of: allow_promotion_codes, discounts.")
    for number, discount in enumerate(discounts):
        param = f"discounts[{number}][promotion_code]"
        _check_redeemable(account, discount.get("promotion_code"), customer["id"], param)
    made_id = account.new_id("cs_test")
    made = {
        "id": made_id,
        "object": "checkout.session",
        "allow_promotion_codes": params.get("allow_promotion_codes") == "true" or None,
        "cancel_url": params.get("cancel_url"),
        "created": _now_s(account),
        "customer": customer["id"],
        "discounts": [{"coupon": None, **discount} for discount in discounts],
        "expires_at": _now_s(account) + int(_CHECKOUT_LIVES.total_seconds()),
        "line_items": {"object": "list", "data": _lines(account, params), "has_more": False},
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": {},
        "mode": params["mode"],
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "success_url": params.get("success_url"),
        "url": f"{account.checkout_pages}/{made_id}",
    }
    account.put(made)
    return made


def _lines(account: Account, params: Json) -> list[Json]:
    return [_line(account, line, f"line_items[{n}]") for n, line in enumerate(params["line_items"])]


def _line(account: Account, line: Json, param: str) -> Json:
    """Return one line: what is metered must name no quantity, all else must."""
    price = _named(account, "price", line.get("price", ""), f"{param}[price]")
    metered = (price.get("recurring") or {}).get("usage_type") == "metered"
    if metered is ("quantity" in line):
        text = "A metered price has no quantity, and every other has one."
        raise Refused(400, text, param=f"{param}[quantity]")
    quantity = int(line["quantity"]) if "quantity" in line else None
    made_id = account.new_id("li")
    return {"id": made_id, "object": "item", "price": price, "quantity": quantity}


def _check_redeemable(account: Account, code_id: Any, customer_id: str, param: str) -> None:
    code = _named(account, "promotion_code", str(code_id), param)
    if not _is_active(account, code):
        raise Refused(400, "This promotion code is inactive or has expired.", param=param)
    if code["customer"] not in {None, customer_id}:
        raise Refused(400, "This promotion code is for another customer.", param=param)


def promotion_code(account: Account, params: Json) -> Json:
    """Return a code for a coupon; an active one of a customer has no namesake."""
    coupon = _named(account, "coupon", params["promotion"].get("coupon", ""), "promotion[coupon]")
    customer_id = params.get("customer")
    if customer_id is not None:
        _named(account, "customer", customer_id, "customer")
    made_id = account.new_id("promo")
    code = params.get("code", made_id.rpartition("_")[2].upper())
    expires_at = int(params["expires_at"]) if "expires_at" in params else None
    if expires_at is not None and expires_at <= _now_s(account):
        raise Refused(400, "The expiry must be in the future.", param="expires_at")
    if any(_clashes(account, each, code, customer_id) for each in account.all("promotion_code")):
        raise Refused(400, "An active promotion code with this code already exists.", param="code")
    made = {
        "id": made_id,
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": _now_s(account),
        "customer": customer_id,
        "expires_at": expires_at,
        "livemode": False,
        "max_redemptions": int(params["max_redemptions"]) if "max_redemptions" in params else None,
        "metadata": params.get("metadata", {}),
        "promotion": {"coupon": coupon["id"], "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }
    account.cause(_event(account, "promotion_code.created", made))
    return made


def _clashes(account: Account, known: Json, code: str, customer_id: str | None) -> bool:
    same = known["code"].lower() == code.lower() and known["customer"] in {None, customer_id}
    return same and _is_active(account, known)


def _is_active(account: Account, code: Json) -> bool:
    ends = code["expires_at"]
    return bool(code["active"]) and (ends is None or ends > _now_s(account))


def subscription(account: Account, object_id: str, params: Json) -> Json:
    """Return a subscription whose scheduled end was set or taken back."""
    known = account.get("subscription", object_id)
    if known is None:
        raise missing("subscription", object_id)
    if known["status"] in {"canceled", "incomplete_expired"}:
        raise Refused(400, "A canceled subscription can only update its cancellation_details.")
    if {"cancel_at", "cancel_at_period_end"} <= params.keys():
        raise Refused(400, "You may only specify one of: cancel_at, cancel_at_period_end.")
    if params.get("cancel_at_period_end") not in {None, "false"} or params.get("cancel_at"):
        raise Refused(400, "This stand-in only takes cancellations back.")
    kept = {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    changed = {name: known.get(name) for name, value in kept.items() if known.get(name) != value}
    made = {**known, **kept}
    if changed:
        account.cause(_event(account, "customer.subscription.updated", made, changed))
    return made


def _named(account: Account, object_type: str, object_id: str, param: str) -> Json:
    """Return the object that a parameter names."""
    found = account.get(object_type, object_id)
    if found is None:
        raise missing(object_type, object_id, param=param)
    return found


def _lacking(param: str) -> Refused:
    return Refused(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def _now_s(account: Account) -> int:
    now: datetime = account.now()
    return int(now.timestamp())


def _event(account: Account, event_type: str, made: Json, previous: Json | None = None) -> Json:
    data = {"object": made} | ({"previous_attributes": previous} if previous else {})
    return {
        "id": account.new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": _now_s(account),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": account.new_id("req"), "idempotency_key": None},
        "type": event_type,
    }
