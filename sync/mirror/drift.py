"""What tells a mirrored object from Stripe's: pure comparisons of typed columns."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sync.mirror.shapes import Json, instant
from sync.mirror.tables import MirroredObject

# moving: it has just changed, and what brings that is on its way or came after the reading.
Verdict = Literal["same", "missing", "stale", "moving"]

# A webhook may take so long; an object younger than this is not missed yet.
_ON_ITS_WAY = timedelta(seconds=60)
# Among so few, some that are gone say nothing of the key.
_ENOUGH = 20
_MOST_GONE = 5  # one of so many


@dataclass(frozen=True, slots=True)
class Held:
    """What the mirror holds of an object."""

    data: Json
    as_of: datetime
    deleted: bool


def judge(kind: MirroredObject, shown: Json, held: Held | None, as_of: datetime) -> Verdict:
    """Compare what Stripe showed at `as_of` with what the mirror holds."""
    if held is None:
        created = instant(shown.get("created"))
        return "moving" if created and created > as_of - _ON_ITS_WAY else "missing"
    if held.as_of >= as_of:
        return "moving"
    if held.deleted:
        return "missing"
    return "same" if columns(kind, shown) == columns(kind, held.data) else "stale"


def columns(kind: MirroredObject, data: Json) -> Any:
    """Return the typed columns of an object, and those of its children by table and id."""
    children = {
        each.table.name: {
            row["id"]: {name: value for name, value in row.items() if name != "data"}
            for row in each.rows(data)
        }
        for each in kind.children
    }
    return kind.project(data), children


def looks_foreign(checked: int, gone: int) -> bool:
    """Tell whether so much is gone at Stripe that the key probably belongs to another account."""
    return checked >= _ENOUGH and gone * _MOST_GONE > checked
