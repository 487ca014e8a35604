"""Ids that a shop chooses may be used again after a deletion: each use is an object of its own.

Stripe lets a shop name its coupons, plans and products. When such an id comes back, what counts
is the object made last; what is told of an earlier one, its deletion too, is told of the past.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sync.mirror.events import Event
from sync.mirror.shapes import integer


def of_last_life(
    events: Sequence[Event], standing: Mapping[str, Any] | None
) -> tuple[list[Event], bool]:
    """Return the events of the object made last under their id, and whether it stands already.

    `standing` is what the mirror shows under that id. What does not tell when it was made,
    such as that the API knows no such object, is about the last one.
    """
    births = [_born(event.object) for event in events]
    stood = _born(standing) if standing else None
    last = max((born for born in (*births, stood) if born is not None), default=None)
    own = [event for event, born in zip(events, births, strict=True) if born in {last, None}]
    return own, standing is not None and stood in {last, None}


def _born(subject: Mapping[str, Any]) -> int | None:
    return integer(subject.get("created"))
