"""What a simulation hands out."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

API_VERSION = "2026-10-28.endive"

Json = Mapping[str, Any]
"""One of Stripe's objects. Never changed in place: snapshots share their parts."""


@dataclass(frozen=True, slots=True)
class History:
    """Events in the order they happened, and what is true after the last of them.

    `events` ascend in `created`, with many ties, as in life. `objects` holds the snapshot
    each object's last event carried, by (object type, id); an entitlement summary, which has
    no id, stands under its customer's. `deleted` names the objects that are gone; an ended
    subscription is not among them, it stays as `canceled`.

    Events show less than there is: long lists are cut, tiers are left out. `whole` holds by
    event id what the object was then, for the events that do so: what the API would show.
    """

    events: tuple[Json, ...]
    objects: Mapping[tuple[str, str], Json]
    deleted: frozenset[tuple[str, str]]
    whole: Mapping[str, Json] = field(default_factory=dict)

    def whole_objects(self) -> dict[tuple[str, str], Json]:
        """Return `objects` as they would be, had their last events shown everything."""
        found: dict[tuple[str, str], Json] = {}
        for event in self.events:
            shown = event["data"]["object"]
            if key := key_of(shown):
                found[key] = self.whole.get(event["id"], shown)
        return found


def key_of(obj: Json) -> tuple[str, str] | None:
    """Return (object type, id); None for a preview, such as an upcoming invoice."""
    # A customer has one summary, which bears no id of its own.
    summary = obj["object"] == "entitlements.active_entitlement_summary"
    found = obj["customer"] if summary else obj.get("id")
    return (obj["object"], found) if found else None


Story = Generator[int, None, None]
"""Yields the Unix second at which it wants to go on; ends when the story is told."""
