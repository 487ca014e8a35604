"""The few moves of which the steps back to an old shape are made."""

from collections.abc import Callable
from typing import Any

from app.simulator.history import Json

Step = Callable[[Json], dict[str, Any]]
"""Turns an object's newer shape into the one before; leaves its argument alone."""


def renamed(new: str, old: str) -> Step:
    """Return the step that calls a field by its old name, where the field is there."""

    def undo(subject: Json) -> dict[str, Any]:
        moved = {old: subject[new]} if new in subject else {}
        return {**without(subject, new), **moved}

    return undo


def without(subject: Json, *names: str) -> dict[str, Any]:
    """Return `subject` less the named fields."""
    return {name: value for name, value in subject.items() if name not in names}


def inside(subject: Json, *path: str) -> Any:
    """Return the value at `path`; None where a step is null or missing."""
    value: Any = subject
    for name in path:
        value = (value or {}).get(name)
    return value


def expanded(value: Any, object_type: str) -> dict[str, Any] | None:
    """Return an object for an id: the object itself, or as much of it as the id tells."""
    if isinstance(value, str):
        return {"id": value, "object": object_type}
    return value and dict(value)


def whole(objects: list[Json], url: str) -> dict[str, Any]:
    """Return an embedded list that shows all there is."""
    return {"object": "list", "data": objects, "has_more": False, "url": url}


def cut_short(url: str) -> dict[str, Any]:
    """Return an embedded list of which the event tells nothing."""
    return {"object": "list", "data": [], "has_more": True, "url": url}
