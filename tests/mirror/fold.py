"""Events through inbox and mirror as the drain does it, without what follows from them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Engine, select, text

from app.envelope import delivery
from sync.changes import Change
from sync.mirror.apply import apply
from sync.mirror.events import Event, parse
from sync.mirror.objects import OBJECTS, OTHER
from sync.store import inbox

Json = Mapping[str, Any]


def fold(engine: Engine, batches: Iterable[Sequence[Json]]) -> list[Change]:
    """Deliver `batches` one after the other; a repeated event is not processed again."""
    changes: list[Change] = []
    for batch in batches:
        with engine.begin() as conn:
            for event in batch:
                inbox.store(conn, delivery(orjson.dumps(event), None))
            claimed = inbox.claim(conn, lane=0, lanes=1, limit=10_000)
            changes += apply(conn, [shown(row.payload) for row in claimed.rows]).changes
            inbox.finish(conn, claimed.lease, [row.seq for row in claimed.rows])
    return changes


def shown(payload: bytes) -> Event:
    """Return the event in `payload`, which shows its object."""
    event = parse(payload)
    assert isinstance(event, Event)
    return event


def mirrored(engine: Engine) -> dict[tuple[str, str], Json]:
    """Return the `data` of every object in the mirror, children left out."""
    found: dict[tuple[str, str], Json] = {}
    with engine.connect() as conn:
        for name, kind in OBJECTS.items():
            rows = conn.execute(select(kind.table.c.id, kind.table.c.data))
            found |= {(name, row.id): row.data for row in rows}
        other = OTHER.table.c
        rows = conn.execute(select(other.object, other.id, other.data))
        found |= {(row.object, row.id): row.data for row in rows}
    return found


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    """Return what `query` finds, sorted."""
    with engine.connect() as conn:
        return sorted(tuple(row) for row in conn.execute(text(query)))


def empty(engine: Engine) -> None:
    """Forget everything, as in a new database."""
    kinds = (*OBJECTS.values(), OTHER)
    tables = [kind.table.fullname for kind in kinds]
    tables += [each.table.fullname for kind in kinds for each in kind.children]
    tables.append("evergreen.inbox")
    with engine.begin() as conn:
        conn.execute(text(f"TRUNCATE {', '.join(tables)}"))
