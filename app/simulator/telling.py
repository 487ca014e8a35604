"""What an event shows of an object, and what the API shows: lists cut short, fields left out."""

from collections.abc import Mapping
from typing import Any

from app.simulator.history import Json
from app.simulator.stripe_api.rendering import short
from app.simulator.stripe_api.resources import EXPAND_ONLY


def as_told(obj: Json) -> Json:
    """Return an object as Stripe's events show it; the same one when they show all of it.

    Embedded lists end after ten elements with `has_more`; `total_count` still counts all.
    Fields that the API renders only when they are expanded are left out.
    """
    hidden = EXPAND_ONLY.get(str(obj.get("object")), {})
    told = {name: _part(value) for name, value in obj.items() if name not in hidden}
    return obj if _same(told, obj) else told


def as_read(obj: Json) -> Json:
    """Return an object as the API shows it to who asks for all of it.

    The objects inside it are shown as events show them.
    """
    return {name: _all_of(value) for name, value in obj.items()}


def _all_of(value: Any) -> Any:
    if isinstance(value, Mapping) and value.get("object") == "list":
        return {**value, "data": [as_told(each) for each in value["data"]]}
    return _part(value)


def _part(value: Any) -> Any:
    if not isinstance(value, Mapping) or "object" not in value:
        return value
    return _listed(value) if value["object"] == "list" else as_told(value)


def _listed(listed: Json) -> Json:
    cut = short(listed)
    told = {**cut, "data": [as_told(each) for each in cut["data"]]}
    whole = len(told["data"]) == len(listed["data"])
    pairs = zip(told["data"], listed["data"], strict=False)
    return listed if whole and all(new is old for new, old in pairs) else told


def _same(told: Json, obj: Json) -> bool:
    return len(told) == len(obj) and all(told[name] is obj[name] for name in obj)
