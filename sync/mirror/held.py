"""What the mirror holds, as a check needs it: rows, what is just changing, what no list showed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, any_, cast, exists, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.drift import Held, Verdict, judge
from sync.mirror.ended import ended
from sync.mirror.listing import living
from sync.mirror.objects import OTHER, customer, mirrored
from sync.mirror.reading import Told
from sync.mirror.tables import MirroredObject
from sync.store.drift import LISTED
from sync.store.inbox import INBOX
from sync.store.refetch import REFETCH

_WRONG = frozenset({"missing", "stale"})
# Of a long table, only about so many rows are looked at to choose some by chance.
_LOOKED_AT = 2_000
_ROWS = text("SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = to_regclass(:name)")


def judged(
    conn: Connection, kind: MirroredObject, readings: Sequence[Told]
) -> list[tuple[Told, Verdict]]:
    """Compare `readings` of one account, and what is whole inside them, with what stands here."""
    held = load(conn, kind, readings)
    found = {told.object_id: _judge(kind, told, held.get(told.object_id)) for told in readings}
    same = [told for told in readings if found[told.object_id] == "same"]
    differing = _differing_inside(conn, kind, same) | ended(conn, same).keys()
    found |= dict.fromkeys(differing, "stale")
    wrong = [told for told in readings if found[told.object_id] in _WRONG]
    found |= dict.fromkeys(moving(conn, kind, wrong), "moving")
    return [(told, found[told.object_id]) for told in readings]


def _judge(kind: MirroredObject, told: Told, held: Held | None) -> Verdict:
    return judge(kind, told.object or {}, held, told.as_of)


def _differing_inside(conn: Connection, kind: MirroredObject, same: Sequence[Told]) -> set[str]:
    """Return the ids of objects inside which something whole is not as it stands here.

    What is gone is still shown inside what used it, as a deleted coupon is: that is no drift.
    """
    outer: dict[int, str] = {}
    inside: dict[MirroredObject, list[Told]] = defaultdict(list)
    for told in same:
        for inner, one in _inside(kind, told):
            inside[inner].append(one)
            outer[id(one)] = told.object_id
    return {
        outer[id(one)] for inner, ones in inside.items() for one in _differing(conn, inner, ones)
    }


def _inside(kind: MirroredObject, told: Told) -> Iterator[tuple[MirroredObject, Told]]:
    for shown in kind.embedded(told.object or {}):
        inner = mirrored(str(shown.get("object")))
        known = inner is not OTHER and not shown.get("deleted")
        if known and (inner_id := inner.identify(shown)):
            yield inner, replace(told, object_type=inner.name, object_id=inner_id, object=shown)


def _differing(conn: Connection, kind: MirroredObject, readings: Sequence[Told]) -> list[Told]:
    held, waiting = load(conn, kind, readings), moving(conn, kind, readings)
    gone = {object_id for object_id, known in held.items() if known.deleted}
    return [
        told
        for told in readings
        if told.object_id not in gone | waiting
        and _judge(kind, told, held.get(told.object_id)) in _WRONG
    ]


def load(conn: Connection, kind: MirroredObject, readings: Sequence[Told]) -> dict[str, Held]:
    """Return what stands under the ids of `readings`, which are of one account."""
    if not readings:
        return {}
    c = kind.table.c
    mine = (c.id == any_(_ids(readings)), c.account == readings[0].account)
    rows = conn.execute(select(c.id, c.data, c.as_of, c.deleted_at.is_not(None)).where(*mine))
    return {row[0]: Held(*row[1:]) for row in rows}


def moving(conn: Connection, kind: MirroredObject, readings: Sequence[Told]) -> set[str]:
    """Return whose events wait in the inbox, or who is to be read again anyway.

    A wish for an invoice's payments alone says nothing of the invoice itself.
    """
    if not readings:
        return set()
    ids, account = _ids(readings), readings[0].account
    waiting = select(INBOX.c.object_id).where(
        INBOX.c.object_id == any_(ids), INBOX.c.account == account, INBOX.c.state == "pending"
    )
    wanted = select(REFETCH.c.id).where(
        REFETCH.c.object == kind.name,
        REFETCH.c.id == any_(ids),
        REFETCH.c.account == account,
        REFETCH.c.reason != "payments",
    )
    return set(conn.execute(waiting.union(wanted)).scalars())


def unlisted(
    conn: Connection,
    kind: MirroredObject,
    account: str,
    *,
    began: datetime,
    since: int | None,
    limit: int,
) -> list[str]:
    """Return what stood before `began`, lives in the mirror, and was shown by no list.

    At most `limit` of it, by chance: so that one run after the other comes to all of it.
    """
    c = kind.table.c
    shown = exists().where(
        LISTED.c.object == kind.name, LISTED.c.account == account, LISTED.c.id == c.id
    )
    found = living(kind, account, since).where(c.as_of < began, ~shown)
    of = kind.endpoint.of if kind.endpoint else None
    if of and of in c:  # what belongs to no parent any more is on no list
        found = found.where(c[of].is_not(None))
    return list(conn.execute(found.order_by(func.random()).limit(limit)).scalars())


def accounts(conn: Connection) -> frozenset[str]:
    """Return the accounts whose customers are mirrored."""
    return frozenset(conn.execute(select(customer.TABLE.c.account).distinct()).scalars())


def some(conn: Connection, kind: MirroredObject, account: str, limit: int) -> list[str]:
    """Return the ids of a few living objects, by chance."""
    rows = conn.execute(_ROWS, {"name": kind.table.fullname}).scalar() or 0
    percent = min(100.0, 100.0 * _LOOKED_AT / max(rows, 1))
    sampled = kind.table.tablesample(func.system(percent))
    c = sampled.c
    found = select(c.id).where(c.account == account, c.deleted_at.is_(None))
    return list(conn.execute(found.order_by(func.random()).limit(limit)).scalars())


def _ids(readings: Sequence[Told]) -> Any:
    return cast(sorted({told.object_id for told in readings}), ARRAY(Text))
