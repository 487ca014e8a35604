"""Readings from Stripe's API into the mirror, under the same rule as events.

Stamped with the time before the request, a reading stands over every event before that time
and under every one after it: so an answer that took long never undoes what came meanwhile.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from sync.changes import Change
from sync.mirror.apply import Applied, apply
from sync.mirror.events import GONE, READ, Event
from sync.mirror.objects import mirrored
from sync.mirror.shapes import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the API told of one object; `object` None: it knows no such object.

    `as_of` is the whole second before the request. `event_id`, `event_type` and
    `event_created` are of the event that asked for the reading, if one did: what follows is
    told as following from it, at its time.
    """

    object_type: str
    object_id: str
    account: str
    livemode: bool
    object: Json | None
    as_of: datetime
    event_id: str | None = None
    event_type: str | None = None
    event_created: datetime | None = None


def fold(conn: Connection, readings: Sequence[Told]) -> Applied:
    """Fold `readings`, and the whole objects inside them, into the mirror.

    The caller holds the lanes of these objects (`sync.store.lanes`): each one's id, and the
    ids that `ids_in` adds.
    """
    events = [event for told in readings for event in _events(told)]
    applied = apply(conn, events)
    causes = {(told.object_type, told.object_id, told.account): told for told in readings}
    return replace(applied, changes=[_with_cause(each, causes) for each in applied.changes])


def ids_in(readings: Sequence[Told]) -> list[str]:
    """Return the ids of all objects that `fold` may write."""
    found = {told.object_id for told in readings}
    inside = (each for told in readings for each in _embedded(told))
    return sorted(found.union(filter(None, map(_id_of, inside))))


def _events(told: Told) -> Iterable[Event]:
    gone = {"object": told.object_type, "id": told.object_id}
    shown = gone if told.object is None else told.object
    yield _event(told, shown, GONE if told.object is None else READ)
    for inside in _embedded(told):
        # An invoice shows a discount that is gone, and says so.
        yield _event(told, inside, GONE if inside.get("deleted") is True else READ)


def _embedded(told: Told) -> Iterable[Json]:
    return mirrored(told.object_type).embedded(told.object) if told.object else ()


def _id_of(subject: Json) -> str | None:
    return mirrored(str(subject.get("object"))).identify(subject)


def _event(told: Told, subject: Json, type_: str) -> Event:
    return Event(
        id=f"api:{told.as_of.timestamp():.0f}",
        type=type_,
        created=told.as_of,
        account=told.account,
        livemode=told.livemode,
        object=subject,
    )


def _with_cause(change: Change, causes: Mapping[tuple[str, str, str], Told]) -> Change:
    told = causes.get((change.object, change.id, change.account))
    if told is None or told.event_id is None:
        return change
    return replace(
        change,
        event_id=told.event_id,
        event_type=told.event_type or READ,
        at=told.event_created or change.at,
    )
