"""A batch of events into the mirror: what stands, what comes, which is newer, what changed.

A reading from Stripe's API goes the same way, as one more snapshot (see `reading.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from sync.changes import Change
from sync.mirror.events import GONE, READ, Event, usable
from sync.mirror.objects import OBJECTS, OTHER, mirrored
from sync.mirror.ordering import Newest, newest
from sync.mirror.rebirth import of_last_life
from sync.mirror.shapes import customer_of
from sync.mirror.tables import MirroredObject, Row
from sync.mirror.upsert import replace_children, upsert
from sync.store import inbox
from sync.store.engine import pipelined


class Key(NamedTuple):
    """Which object: ids alone are not enough (a plan and a price may share one)."""

    object: str
    id: str
    account: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the mirror holds of an object before the batch."""

    data: Mapping[str, Any]
    as_of: datetime
    as_of_event_id: str | None
    source: str
    provisional: bool
    undecided: bool
    deleted: bool
    livemode: bool


@dataclass(frozen=True, slots=True)
class Winner:
    """A snapshot that goes into the mirror, and what it replaces."""

    key: Key
    choice: Newest
    standing: Standing | None

    @property
    def incomplete(self) -> bool:
        """Whether Stripe holds more of the object than this snapshot shows."""
        return mirrored(self.key.object).is_incomplete(self.choice.event.object)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch did: one Change per object that took a step, and all that was written."""

    changes: list[Change]
    winners: list[Winner]


def apply(conn: Connection, events: Sequence[Event]) -> Applied:
    """Fold `events` into the mirror and return what changed.

    The mirror ends in the same state for any order, batching and repetition of the same
    events, so long as each object's events come through one hand at a time.
    """
    coming = _by_object(events)
    standing = _load_standing(conn, coming)
    contested = [key for key, new in coming.items() if _is_contested(new, standing.get(key))]
    known = _read_back(conn, contested)
    winners = [
        winner
        for key, new in coming.items()
        if (winner := _decide(key, [*new, *known.get(key, ())], standing.get(key)))
    ]
    with pipelined(conn):
        _write(conn, winners)
    return Applied([_change(winner) for winner in winners if _is_step(winner)], winners)


def _by_object(events: Iterable[Event]) -> dict[Key, list[Event]]:
    grouped: dict[Key, list[Event]] = defaultdict(list)
    for event in events:
        # An upcoming invoice is a preview without an id: nothing to mirror.
        if key := _key(event):
            grouped[key].append(event)
    return dict(sorted(grouped.items()))


def _key(event: Event) -> Key | None:
    object_type = event.object_type
    object_id = mirrored(object_type).identify(event.object)
    return Key(object_type, object_id, event.account) if object_id else None


def _load_standing(conn: Connection, coming: Iterable[Key]) -> dict[Key, Standing]:
    grouped = _by_table(coming)
    ids = {kind.table.name: [key.id for key in keys] for kind, keys in grouped.items()}
    if len(grouped) == 1:
        (kind,) = grouped
        rows = conn.execute(_STANDING_OF[kind.table.name], ids)
    else:
        rows = conn.execute(_STANDING_OF_ALL, _NO_IDS | ids)
    return {Key(*row[:3]): Standing(*row[3:]) for row in rows}


def _standing_of(kind: MirroredObject) -> Select[Any]:
    """Return the query for what makes a `Key`, then a `Standing`, and no more than that."""
    column = kind.table.c
    ids = cast(bindparam(kind.table.name), ARRAY(Text))
    return select(
        column.object if kind is OTHER else literal_column(f"'{kind.name}'", Text),
        column.id,
        column.account,
        column.data,
        column.as_of,
        column.as_of_event_id,
        column.source,
        column.provisional,
        column.undecided,
        column.deleted_at.is_not(None),
        column.livemode,
    ).where(column.id == any_(ids))


_KINDS = (*OBJECTS.values(), OTHER)
_NO_IDS = dict.fromkeys(kind.table.name for kind in _KINDS)
# One question for all tables: an unused branch costs less than a round trip. Yet all of them
# together cost four times the question for one table, which is what a quiet hour asks.
_STANDING_OF_ALL = union_all(*map(_standing_of, _KINDS)).execution_options(binary=True)
_STANDING_OF = {
    kind.table.name: _standing_of(kind).execution_options(binary=True) for kind in _KINDS
}


def _by_table(keys: Iterable[Key]) -> dict[MirroredObject, list[Key]]:
    grouped: dict[MirroredObject, list[Key]] = defaultdict(list)
    for key in keys:
        grouped[mirrored(key.object)].append(key)
    return grouped


def _is_contested(new: Sequence[Event], standing: Standing | None) -> bool:
    """Tell whether earlier events are needed to say which snapshot is the newest."""
    if standing is None:
        return False
    latest = max(event.created for event in new)
    if latest == standing.as_of or standing.provisional:
        return True
    return latest > standing.as_of and newest(new).provisional


def _read_back(conn: Connection, contested: Sequence[Key]) -> dict[Key, list[Event]]:
    """Return the earlier events of `contested` objects, as the inbox kept them."""
    known: dict[Key, list[Event]] = defaultdict(list)
    if contested:
        told = sorted({(key.id, key.account) for key in contested})
        for payload in inbox.payloads_of(conn, told):
            if (event := usable(payload)) and (key := _key(event)):
                known[key].append(event)
    return known


def _decide(key: Key, events: Sequence[Event], standing: Standing | None) -> Winner | None:
    """Return what shall stand from now on, None when it stands already."""
    if mirrored(key.object).reuses_ids:
        events, stands = of_last_life(events, standing.data if standing else None)
        standing = standing if stands else None
    if not events or (standing and standing.deleted):
        return None
    # A snapshot that was read back knows more than the row does, so it comes after it.
    choice = newest(_deletions(key, events) or [*_as_event(key, standing), *events])
    if choice.event.type == GONE and standing is None:
        return None
    if standing and _is_half_known(choice, events, standing):
        choice = replace(choice, undecided=True)
    if standing and _stands(choice, standing):
        return None
    return Winner(key, choice, standing)


def _is_half_known(choice: Newest, events: Sequence[Event], standing: Standing) -> bool:
    """Tell of a tie with a state whose event is not at hand: what it replaced is unknown."""
    if standing.source == "api" or choice.event.created != standing.as_of:
        return False
    tied = {event.id for event in events if event.created == standing.as_of}
    return bool(tied) and standing.as_of_event_id not in tied


def _deletions(key: Key, events: Sequence[Event]) -> list[Event]:
    """Return the events that say the object is gone for good, whatever else is known of it.

    That the API knows no such object is a snapshot like others: it says nothing of later.
    """
    kind = mirrored(key.object)
    return [event for event in events if event.type != GONE and _is_deletion(kind, event)]


def _stands(choice: Newest, standing: Standing) -> bool:
    same = choice.event.id in {standing.as_of_event_id, _STANDING}
    return same and (choice.provisional, choice.undecided) == (
        standing.provisional,
        standing.undecided,
    )


_STANDING = "standing"


def _as_event(key: Key, standing: Standing | None) -> list[Event]:
    """Return the standing state as one more snapshot, lest a lost payload set us back."""
    if standing is None:
        return []
    event = Event(
        id=standing.as_of_event_id or _STANDING,
        type=READ if standing.source == "api" else _STANDING,
        created=standing.as_of,
        account=key.account,
        livemode=standing.livemode,
        object=standing.data,
    )
    return [event]


def _write(conn: Connection, winners: Sequence[Winner]) -> None:
    for kind, keys in _by_table(winner.key for winner in winners).items():
        chosen = set(keys)
        rows = [(_row(kind, winner), _before(winner)) for winner in winners if winner.key in chosen]
        upsert(conn, kind.table, [row for row, _ in rows])
        for children in kind.children:
            replace_children(conn, children, rows)


def _before(winner: Winner) -> Mapping[str, Any] | None:
    return winner.standing.data if winner.standing else None


def _row(kind: MirroredObject, winner: Winner) -> Row:
    event, data = winner.choice.event, _data(winner)
    return {
        "id": winner.key.id,
        "account": winner.key.account,
        **kind.project(data),
        "livemode": _livemode(winner),
        "data": data,
        "as_of": event.created,
        "as_of_event_id": None if event.is_reading else event.id,
        "source": "api" if event.is_reading else "event",
        "provisional": winner.choice.provisional,
        "undecided": winner.choice.undecided,
        "incomplete": winner.incomplete,
        "deleted_at": event.created if _is_deletion(kind, event) else None,
    }


def _data(winner: Winner) -> Mapping[str, Any]:
    """Return what is known of the object; of one that is gone, what was known last."""
    event, standing = winner.choice.event, winner.standing
    return standing.data if event.type == GONE and standing else event.object


def _livemode(winner: Winner) -> bool:
    event, standing = winner.choice.event, winner.standing
    return standing.livemode if event.type == GONE and standing else event.livemode


def _is_deletion(kind: MirroredObject, event: Event) -> bool:
    return event.type == GONE or (kind.deletable and event.type.endswith(".deleted"))


def _is_step(winner: Winner) -> bool:
    """Tell a real step from a choice that only became surer, and from a reading of the same."""
    event, standing = winner.choice.event, winner.standing
    if standing is None or event.type == GONE:
        return True
    if event.is_reading:
        return event.object != standing.data
    return standing.as_of_event_id != event.id


def _change(winner: Winner) -> Change:
    event = winner.choice.event
    return Change(
        account=winner.key.account,
        object=winner.key.object,
        id=winner.key.id,
        before=_before(winner),
        after=_data(winner),
        at=event.created,
        event_id=event.id,
        event_type=event.type,
        livemode=_livemode(winner),
        deleted=_is_deletion(mirrored(winner.key.object), event),
        customer_id=customer_of(_data(winner)),
    )
