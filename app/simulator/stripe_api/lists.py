"""Lists as Stripe shows them: which objects, in which order, how many at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from operator import ge, gt, le, lt
from typing import Any

from app.simulator.history import Json
from app.simulator.stripe_api.refusal import Refused
from app.simulator.stripe_api.resources import Query, Resource

Key = tuple[int, str]
_PAGING = {"limit", "starting_after", "ending_before", "expand[]"}
_RANGES: Mapping[str, Callable[[int, int], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_LIMIT, _LIMIT_MAX = 10, 100


def newest_first(obj: Json) -> Key:
    """Return what top-level lists are sorted by, descending."""
    return obj.get("created") or 0, obj["id"]


def check(query: Query, resource: Resource) -> None:
    """Refuse parameters that the list does not know, and a missing required one."""
    taken = {name.partition("[")[0] if name.startswith("created[") else name for name in query}
    for name in sorted(taken - _PAGING - resource.parameters):
        raise Refused(
            400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name
        )
    for name in resource.required:
        if name not in query:
            raise Refused(
                400, f"Missing required param: {name}.", code="parameter_missing", param=name
            )


def selected(objects: Iterable[Json], query: Query, resource: Resource) -> list[Json]:
    """Return the objects that the list shows for this query."""
    return [
        obj
        for obj in objects
        if resource.shown(obj, query)
        and _in_range(obj, query)
        and all(
            any(_equal(value, asked) for value in at(obj, place) for asked in query[name])
            for name, place in resource.filters.items()
            if name in query
        )
    ]


def page(
    objects: Iterable[Json],
    query: Query,
    key: Callable[[Json], Key],
    cursor: Callable[[str, str], Json],
) -> tuple[list[Json], bool]:
    """Return one page, highest `key` first, and whether there is more in its direction.

    `cursor` returns the object that a parameter names, given its id and the parameter.
    """
    limit = _limit(query)
    ordered = sorted(objects, key=key, reverse=True)
    if "ending_before" in query:
        end = key(cursor(query["ending_before"][-1], "ending_before"))
        newer = [obj for obj in ordered if key(obj) > end]
        return newer[-limit:], len(newer) > limit
    if "starting_after" in query:
        start = key(cursor(query["starting_after"][-1], "starting_after"))
        ordered = [obj for obj in ordered if key(obj) < start]
    return ordered[:limit], len(ordered) > limit


def at(value: Any, place: str) -> Iterator[Any]:
    """Yield what stands at a dotted place, every element's where lists are on the way."""
    if isinstance(value, list):
        for each in value:
            yield from at(each, place)
    elif not place:
        yield value
    elif isinstance(value, Mapping):
        name, _, rest = place.partition(".")
        yield from at(value.get(name), rest)


def _equal(value: Any, asked: str) -> bool:
    if isinstance(value, Mapping):
        value = value.get("id")
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return fnmatchcase(shown, asked) if "*" in asked else shown == asked


def _in_range(obj: Json, query: Query) -> bool:
    created = obj.get("created") or 0
    exact = query.get("created")
    return (exact is None or created == int(exact[-1])) and all(
        holds(created, int(query[f"created[{name}]"][-1]))
        for name, holds in _RANGES.items()
        if f"created[{name}]" in query
    )


def _limit(query: Query) -> int:
    asked = query.get("limit", [str(_LIMIT)])[-1]
    if not asked.isdecimal() or not 1 <= int(asked) <= _LIMIT_MAX:
        raise Refused(
            400,
            f"This value must be between 1 and {_LIMIT_MAX} (it currently is '{asked}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    return int(asked)
