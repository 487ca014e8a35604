"""A batch of events into the mirror: what stands, what comes, which is newer, what changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Text, any_, cast, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from sync.changes import Change
from sync.errors import Malformed
from sync.mirror.events import Event, parse
from sync.mirror.objects import OTHER, mirrored
from sync.mirror.ordering import Newest, newest
from sync.mirror.shapes import customer_of
from sync.mirror.tables import MirroredObject, Row
from sync.mirror.upsert import replace_children, upsert
from sync.store import inbox


@dataclass(frozen=True, slots=True, order=True)
class Key:
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
    provisional: bool
    undecided: bool
    deleted: bool
    livemode: bool


@dataclass(frozen=True, slots=True)
class _Winner:
    """A snapshot that goes into the mirror, and what it replaces."""

    key: Key
    choice: Newest
    standing: Standing | None


def apply(conn: Connection, events: Sequence[Event]) -> list[Change]:
    """Fold `events` into the mirror and return what changed, one Change per object.

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
    _write(conn, winners)
    return [_change(winner) for winner in winners if _is_step(winner)]


def _by_object(events: Iterable[Event]) -> dict[Key, list[Event]]:
    grouped: dict[Key, list[Event]] = defaultdict(list)
    for event in events:
        # An upcoming invoice is a preview without an id: nothing to mirror.
        if event.object_id:
            grouped[_key(event)].append(event)
    return dict(sorted(grouped.items()))


def _key(event: Event) -> Key:
    return Key(event.object_type, event.object_id or "", event.account)


def _load_standing(conn: Connection, coming: Iterable[Key]) -> dict[Key, Standing]:
    found: dict[Key, Standing] = {}
    for kind, keys in _by_table(coming).items():
        table = kind.table
        ids = cast(sorted({key.id for key in keys}), ARRAY(Text))
        for row in conn.execute(_standing_of(kind).where(table.c.id == any_(ids))):
            found[Key(*row[:3])] = Standing(*row[3:])
    return found


def _standing_of(kind: MirroredObject) -> Select[Any]:
    """Return the query for what makes a `Key`, then a `Standing`, and no more than that."""
    column = kind.table.c
    return select(
        column.object if kind is OTHER else literal(kind.name),
        column.id,
        column.account,
        column.data,
        column.as_of,
        column.as_of_event_id,
        column.provisional,
        column.undecided,
        column.deleted_at.is_not(None),
        column.livemode,
    )


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
        for payload in inbox.payloads_of(conn, sorted({key.id for key in contested})):
            if event := _usable(payload):
                known[_key(event)].append(event)
    return known


def _usable(payload: bytes) -> Event | None:
    try:
        return parse(payload)
    except Malformed:
        return None


def _decide(key: Key, events: Sequence[Event], standing: Standing | None) -> _Winner | None:
    """Return what shall stand from now on, None when it stands already."""
    if standing and standing.deleted:
        return None
    deletable = mirrored(key.object).deletable
    deletions = [event for event in events if deletable and event.type.endswith(".deleted")]
    # A snapshot that was read back knows more than the row does, so it comes after it.
    choice = newest(deletions or [*_as_event(key, standing), *events])
    if standing and _stands(choice, standing):
        return None
    return _Winner(key, choice, standing)


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
        type=_STANDING,
        created=standing.as_of,
        account=key.account,
        livemode=standing.livemode,
        object=standing.data,
    )
    return [event]


def _write(conn: Connection, winners: Sequence[_Winner]) -> None:
    for kind, keys in _by_table(winner.key for winner in winners).items():
        chosen = set(keys)
        rows = [(_row(kind, winner), _before(winner)) for winner in winners if winner.key in chosen]
        upsert(conn, kind.table, [row for row, _ in rows])
        for children in kind.children:
            replace_children(conn, children, rows)


def _before(winner: _Winner) -> Mapping[str, Any] | None:
    return winner.standing.data if winner.standing else None


def _row(kind: MirroredObject, winner: _Winner) -> Row:
    event = winner.choice.event
    return {
        "id": winner.key.id,
        "account": winner.key.account,
        **kind.project(event.object),
        "livemode": event.livemode,
        "data": event.object,
        "as_of": event.created,
        "as_of_event_id": event.id,
        "source": "event",
        "provisional": winner.choice.provisional,
        "undecided": winner.choice.undecided,
        "deleted_at": event.created if _is_deletion(kind, event) else None,
    }


def _is_deletion(kind: MirroredObject, event: Event) -> bool:
    return kind.deletable and event.type.endswith(".deleted")


def _is_step(winner: _Winner) -> bool:
    """Tell a real step from a choice that only became surer."""
    return winner.standing is None or winner.standing.as_of_event_id != winner.choice.event.id


def _change(winner: _Winner) -> Change:
    event = winner.choice.event
    return Change(
        account=winner.key.account,
        object=winner.key.object,
        id=winner.key.id,
        before=_before(winner),
        after=event.object,
        at=event.created,
        event_id=event.id,
        event_type=event.type,
        livemode=event.livemode,
        deleted=_is_deletion(mirrored(winner.key.object), event),
        customer_id=customer_of(event.object),
    )
