"""Old API versions: an event as Stripe would have rendered it for an endpoint of long ago.

The simulator tells its stories in the newest shape. `changelog.py` lists what moved when,
newest first; going back to a version undoes every change made after it. Like Stripe, the
list holds breaking changes only: what was merely added is shown in every version. What an
old shape showed and the event does not tell (a price's interval on an invoice line) is left
out, or shown as a list that was cut short.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from app.simulator.difference import previous_attributes
from app.simulator.history import API_VERSION, Json
from app.simulator.versions.changelog import CHANGELOG, RENAMED_EVENTS
from app.simulator.versions.fields import Step

VERSIONS = (
    "2019-02-19",
    "2019-03-14",
    "2019-10-17",
    "2020-08-27",
    "2022-11-15",
    "2024-04-10",
    "2024-12-18.acacia",
    "2025-03-31.basil",
    "2025-09-30.clover",
    "2026-05-27.dahlia",
    API_VERSION,
)
"""One version of every shape the mirror must take, oldest first."""

_Steps = Mapping[str, Sequence[Step]]


def rendered(event: Json, version: str) -> dict[str, Any]:
    """Return `event`, told in the newest shape, as Stripe would render it at `version`.

    Its `previous_attributes` are what differs between the old shapes of both states. Events
    that an old version knew under another name get that name; those it did not know at all
    (`invoice_payment.paid`) are rendered as they are.
    """
    steps = _undoing(version)
    now = event["data"]["object"]
    data = {"object": _older(now, steps)}
    previous = event["data"].get("previous_attributes")
    if previous is not None:
        before = _older(_put_back(now, previous), steps)
        data["previous_attributes"] = previous_attributes(before, data["object"])
    return {**event, "api_version": version, "type": _named(event["type"], version), "data": data}


@cache
def _undoing(version: str) -> _Steps:
    """Return per object type the steps from the newest shape back to `version`, in order."""
    steps: dict[str, list[Step]] = defaultdict(list)
    for change in CHANGELOG:
        if change.since[:10] > version[:10]:
            for object_type in change.objects:
                steps[object_type].append(change.undo)
    return dict(steps)


def _named(event_type: str, version: str) -> str:
    old, since = RENAMED_EVENTS.get(event_type, (event_type, ""))
    return old if since > version[:10] else event_type


def _older(value: Any, steps: _Steps) -> Any:
    """Return a value with all objects inside it in their old shape, the outer ones first."""
    if isinstance(value, list):
        return [_older(inner, steps) for inner in value]
    if not isinstance(value, Mapping):
        return value
    for undo in steps.get(value.get("object", ""), ()):
        value = undo(value)
    return {
        name: inner if name == "metadata" else _older(inner, steps) for name, inner in value.items()
    }


def _put_back(now: Json, previous: Json) -> dict[str, Any]:
    """Return the state before an update: `now` with what `previous` names laid back."""
    return {**now, **{name: _put_back_one(now.get(name), old) for name, old in previous.items()}}


def _put_back_one(now: Any, old: Any) -> Any:
    nested = isinstance(now, Mapping) and isinstance(old, Mapping)
    return _put_back(now, old) if nested else old
