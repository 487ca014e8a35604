"""One read request: from its path and query to Stripe's answer. Nothing here knows HTTP."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from app.simulator.history import Json
from app.simulator.stripe_api import lists
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.refusal import Refused, missing
from app.simulator.stripe_api.rendering import Expand, expansion, shown
from app.simulator.stripe_api.resources import (
    BY_PATH,
    EMBEDDED_LISTS,
    EVENTS,
    OWNED_LISTS,
    Query,
    Resource,
)

# What docs.stripe.com/api/events/list promises.
EVENTS_KEPT = timedelta(days=30)
_INDEX = re.compile(r"\[\d*\]$")
_PART = Resource(type="", path="", filters={}, created=False)


def parsed(query: str) -> Query:
    """Return the parameters of a query string; `expand[0]` and `expand[]` are one list."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(_INDEX.sub("[]", name), []).append(value)
    return found


def answer(account: Account, path: str, query: Query) -> Json:
    """Return what Stripe answers to `GET path`.

    Raises:
        Refused: Stripe's error, such as 404 for what does not exist.
    """
    version, *names = [unquote(name) for name in path.strip("/").split("/")]
    with account.lock:
        if (version, names) == ("v1", ["account"]):
            return {"id": account.id, "object": "account", "type": "standard"}
        for length in (1, 2):  # customers, radar/early_fraud_warnings
            resource = BY_PATH.get("/".join(names[:length])) if version == "v1" else None
            if resource and (found := _routed(account, resource, names[length:], query)):
                return found if found.get("object") != "list" else {**found, "url": path}
    raise Refused(404, f"Unrecognized request URL (GET: {path}).")


def _routed(account: Account, resource: Resource, rest: Sequence[str], query: Query) -> Json | None:
    match rest:
        case []:
            return _list(account, resource, query)
        case [object_id]:
            return _one(account, resource, object_id, query)
        case [parent_id, name] if (resource.path, name) in EMBEDDED_LISTS:
            return _part(account, _found(account, resource, parent_id), name, query)
        case [parent_id, name] if (resource.path, name) in OWNED_LISTS:
            _found(account, resource, parent_id)
            return _below(account, OWNED_LISTS[resource.path, name], parent_id, query)
        case [parent_id, name, object_id] if (resource.path, name) in OWNED_LISTS:
            child_type, place = OWNED_LISTS[resource.path, name]
            child = account.get(child_type, object_id)
            if child is None or parent_id not in lists.at(child, place):
                raise missing(child_type, object_id)
            return shown(child, account, expansion(query.get("expand[]", ())))
    return None


def _one(account: Account, resource: Resource, object_id: str, query: Query) -> Json:
    if resource.type == "customer" and account.gone("customer", object_id):
        return {"id": object_id, "object": "customer", "deleted": True}
    expand = expansion(query.get("expand[]", ()))
    return shown(_found(account, resource, object_id), account, expand)


def _list(account: Account, resource: Resource, query: Query) -> Json:
    lists.check(query, resource)

    def cursor(object_id: str, param: str) -> Json:
        return account.gone("customer", object_id) or _found(
            account, resource, object_id, param=param
        )

    everything = _readable(account) if resource is EVENTS else account.all(resource.type)
    found = lists.selected(everything, query, resource)
    return _page(account, query, *lists.page(found, query, lists.newest_first, cursor))


def _below(account: Account, owned: tuple[str, str], parent_id: str, query: Query) -> Json:
    """List the objects that belong to one parent."""
    object_type, place = owned
    resource = next(each for each in BY_PATH.values() if each.type == object_type)

    def cursor(object_id: str, param: str) -> Json:
        return _found(account, resource, object_id, param=param)

    found = [each for each in account.all(object_type) if parent_id in lists.at(each, place)]
    return _page(account, query, *lists.page(found, query, lists.newest_first, cursor))


def _part(account: Account, parent: Json, name: str, query: Query) -> Json:
    """List the elements of a list that an object embeds, in the object's order."""
    lists.check(query, _PART)
    data: list[Json] = (parent.get(name) or {}).get("data", [])
    places = {each["id"]: -number for number, each in enumerate(data)}

    def cursor(object_id: str, param: str) -> Json:
        if object_id not in places:
            raise missing("line_item", object_id, param=param)
        return {"id": object_id}

    def key(element: Json) -> lists.Key:
        return places[element["id"]], ""

    return _page(account, query, *lists.page(data, query, key, cursor))


def _page(account: Account, query: Query, rows: Sequence[Json], more: bool) -> Json:
    expand: Any = expansion(query.get("expand[]", ()))
    if expand.keys() - {"data"}:
        raise Refused(400, "This property cannot be expanded.", param="expand")
    below: Expand = expand.get("data", {})
    data = [shown(each, account, below) for each in rows]
    return {"object": "list", "data": data, "has_more": more}


def _found(account: Account, resource: Resource, object_id: str, *, param: str = "id") -> Json:
    if resource is EVENTS:
        found = next((each for each in _readable(account) if each["id"] == object_id), None)
    else:
        found = account.get(resource.type, object_id)
    if found is None:
        raise missing(resource.type, object_id, param=param)
    return found


def _readable(account: Account) -> Iterable[Json]:
    now = account.now()
    oldest = (now - EVENTS_KEPT).timestamp()
    return [each for each in account.events if oldest <= each["created"] <= now.timestamp()]
