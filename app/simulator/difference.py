"""`previous_attributes` in Stripe's way: what an object's changed fields held before."""

from collections.abc import Mapping
from typing import Any


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old values of every field that differs between two states of one object.

    Nested objects name only their changed keys, lists are given whole, and a key that is new
    in `after` (such as added metadata) is null. Empty when nothing differs.
    """
    named = before.keys() | after.keys()
    return {
        name: _old(before.get(name), after.get(name))
        for name in sorted(named)
        if before.get(name) != after.get(name)
    }


def _old(before: Any, after: Any) -> Any:
    nested = isinstance(before, Mapping) and isinstance(after, Mapping)
    return previous_attributes(before, after) if nested else before


def merged(state: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `state` with `changes` laid over it; `state` itself is left alone.

    Nested objects are merged key by key, everything else is replaced. Inside `metadata` a
    None takes the key away, as an empty string does in Stripe's API.
    """
    return {**state, **{name: _laid_over(name, state, new) for name, new in changes.items()}}


def _laid_over(name: str, state: Mapping[str, Any], new: Any) -> Any:
    old = state.get(name)
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    both = merged(old, new)
    if name == "metadata":
        return {key: value for key, value in both.items() if value is not None}
    return both
