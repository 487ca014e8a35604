"""What a simulation hands out."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

API_VERSION = "2026-10-28.endive"

Json = Mapping[str, Any]
"""One of Stripe's objects. Never changed in place: snapshots share their parts."""


@dataclass(frozen=True, slots=True)
class History:
    """Events in the order they happened, and what is true after the last of them.

    `events` ascend in `created`, with many ties, as in life. `objects` holds the snapshot
    each object's last event carried, by (object type, id). `deleted` names the objects that
    are gone; an ended subscription is not among them, it stays as `canceled`.
    """

    events: tuple[Json, ...]
    objects: Mapping[tuple[str, str], Json]
    deleted: frozenset[tuple[str, str]]


Story = Generator[int, None, None]
"""Yields the Unix second at which it wants to go on; ends when the story is told."""
