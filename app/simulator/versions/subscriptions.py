"""Subscriptions, their items and schedules in the shapes of old API versions."""

from typing import Any

from app.simulator.history import Json
from app.simulator.objects.catalogue import plan_of
from app.simulator.versions.fields import expanded, renamed, without

_PERIOD = ("current_period_start", "current_period_end")
_SETTINGS = (
    "billing_thresholds",
    "collection_method",
    "default_payment_method",
    "default_source",
    "invoice_settings",
)
_billing = renamed("collection_method", "billing")


def period_on_top(subscription: Json) -> dict[str, Any]:
    """Show one period for all items, as until basil: that of the first."""
    items = subscription["items"]
    first = items["data"][0] if items["data"] else {}
    shown = [without(item, *_PERIOD) for item in items["data"]]
    return {
        **subscription,
        **{name: first.get(name) for name in _PERIOD},
        "items": {**items, "data": shown},
    }


def one_discount(subject: Json) -> dict[str, Any]:
    """Show the first of the discounts as an object, as until basil."""
    first = (subject.get("discounts") or [None])[0]
    return {**subject, "discount": expanded(first, "discount")}


def tax_percent(subject: Json) -> dict[str, Any]:
    """Show the percentage of the first default tax rate, as until 2020-08-27."""
    rates = subject.get("default_tax_rates") or [{}]
    return {**subject, "tax_percent": rates[0].get("percentage")}


def plan_only(item: Json) -> dict[str, Any]:
    """Show no price where there is a plan: prices came in 2020, in no version of their own."""
    price = item.get("price") or {}
    plan = item.get("plan") or (plan_of(price) if price.get("recurring") else None)
    return {**without(item, "price"), "plan": plan} if plan else dict(item)


def phases_of_plans(schedule: Json) -> dict[str, Any]:
    """List a phase's plans, which became items in 2020-08-27."""
    phases = [
        {**without(phase, "items"), "plans": [_plan(item) for item in phase["items"]]}
        for phase in schedule.get("phases") or []
    ]
    return {**schedule, "phases": phases}


def _plan(item: Json) -> dict[str, Any]:
    return {**without(item, "price", "plan"), "plan": item.get("plan") or item.get("price")}


def settings_on_top(schedule: Json) -> dict[str, Any]:
    """Show a schedule's settings on top, as until 2019-11-05."""
    settings = schedule.get("default_settings") or {}
    return {
        **without(schedule, "default_settings"),
        **{name: settings.get(name) for name in _SETTINGS},
    }


def renewal(schedule: Json) -> dict[str, Any]:
    """Say at a schedule's end `none` for `cancel`, and `billing`, as until 2019-10-17."""
    end = schedule.get("end_behavior")
    return {
        **without(_billing(schedule), "end_behavior"),
        "phases": [_billing(phase) for phase in schedule.get("phases") or []],
        "renewal_behavior": "none" if end == "cancel" else end,
    }
