"""How Stripe shows an object: short lists, hidden fields, and ids turned into objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.simulator.history import Json
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.lists import at, newest_first
from app.simulator.stripe_api.refusal import Refused
from app.simulator.stripe_api.resources import EXPAND_ONLY

EMBEDDED_MAX = 10
DEPTH_MAX = 4

Expand = Mapping[str, Any]
"""Which fields to expand, and below each the same again."""


def expansion(places: Iterable[str]) -> Expand:
    """Return `expand[]` as a tree.

    Raises:
        Refused: a place is too deep.
    """
    tree: dict[str, Any] = {}
    for place in places:
        names = place.split(".")
        if len(names) > DEPTH_MAX:
            raise Refused(
                400,
                f"You cannot expand more than {DEPTH_MAX} levels of a property. Property: {place}",
                param="expand",
            )
        branch = tree
        for name in names:
            branch = branch.setdefault(name, {})
    return tree


def shown(obj: Json, account: Account, expand: Expand) -> Json:
    """Return an object, or a part of one, as Stripe shows it.

    Raises:
        Refused: it has no field of a name to be expanded.
    """
    if obj.get("object") == "event":
        return obj  # as it was sent
    hidden = _hidden(obj)
    whole = {**obj, **{name: _derived(obj, name, account) for name in expand.keys() - obj.keys()}}
    return {
        name: _value(name, value, account, expand.get(name))
        for name, value in whole.items()
        if name in expand or name not in hidden
    }


def short(listed: Json) -> Json:
    """Return an embedded list as far as it is embedded."""
    data = listed["data"]
    more = len(data) > EMBEDDED_MAX or bool(listed.get("has_more"))
    return {**listed, "data": data[:EMBEDDED_MAX], "has_more": more}


def _hidden(obj: Json) -> Mapping[str, tuple[str, str, str] | None]:
    return EXPAND_ONLY.get(str(obj.get("object")), {})


def _value(name: str, value: Any, account: Account, expand: Expand | None) -> Any:
    if isinstance(value, Mapping):
        listed = short(value) if value.get("object") == "list" else value
        return shown(listed, account, expand or {})
    if isinstance(value, list):
        return [_value(name, each, account, expand) for each in value]
    if isinstance(value, str) and expand is not None:
        return _expanded(name, value, account, expand)
    return value


def _expanded(name: str, object_id: str, account: Account, expand: Expand) -> Any:
    if account.gone("customer", object_id):
        return {"id": object_id, "object": "customer", "deleted": True}
    found = account.find(object_id, name)
    return object_id if found is None else shown(found, account, expand)


def _derived(obj: Json, name: str, account: Account) -> Json | None:
    """Return a field that the stored object lacks and that shall be expanded."""
    if "object" not in obj:  # a part of an object: not every one of its kind has all fields
        return None
    hidden = _hidden(obj)
    if name not in hidden:
        raise Refused(400, f"This property cannot be expanded ({name}).", param="expand")
    if (source := hidden[name]) is None:
        return None
    object_type, place, url = source
    data = [each for each in account.all(object_type) if obj["id"] in at(each, place)]
    data.sort(key=newest_first, reverse=True)
    return {"object": "list", "data": data, "has_more": False, "url": url.format(obj["id"])}
