"""What the console asks of the outbox."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, select

from app.console.counts import Count
from app.console.paging import WINDOW, Filter, Slice, read_slice
from sync.store import sinks
from sync.store.outbox import OUTBOX, STATES

CHANNELS = ("mail", "crm", "inventory", "access")
# When it is due, in business time; `later` is planned and may still turn out unwanted.
DUE = ("until-now", "last-30-days", "later")
MONTH = timedelta(days=30)
_OPEN = ("pending", "leased", "sending")
_BLOCKED = sinks.BLOCKED.label("blocked")


def listed(
    conn: Connection,
    now: datetime,
    *,
    channel: str,
    kind: str = "",
    state: str = "",
    due: str = "until-now",
    before: str | None = None,
) -> Slice:
    """Return a channel's effects, those due last first; empty words filter nothing."""
    rows: Select[Any] = select(OUTBOX, _BLOCKED).where(
        OUTBOX.c.channel == channel, _is_due(due, now)
    )
    asked = {"kind": kind, "state": state}
    filters: list[Filter] = [(name, operator.eq, word) for name, word in asked.items() if word]
    return read_slice(conn, rows, ("due_at", "key"), before=before, filters=filters)


def load(conn: Connection, key: str) -> RowMapping | None:
    """Return one effect."""
    return conn.execute(select(OUTBOX, _BLOCKED).where(OUTBOX.c.key == key)).mappings().first()


@dataclass(frozen=True, slots=True)
class KindCounts:
    """How many effects of one kind there are: due in the last 30 days by state, and planned."""

    channel: str
    kind: str
    by_state: Mapping[str, Count]
    planned: Count


def counts(conn: Connection, now: datetime) -> list[KindCounts]:
    """Return every kind that is due around `now`, among the `WINDOW` effects due last."""
    return [each for channel in CHANNELS for each in _counts(conn, now, channel)]


def states_seen(kinds: list[KindCounts]) -> list[str]:
    """Return the states that some kind has, in the order in which an effect passes them."""
    seen = {state for kind in kinds for state, count in kind.by_state.items() if count}
    return [state for state in STATES if state in seen]


def _counts(conn: Connection, now: datetime, channel: str) -> list[KindCounts]:
    past = _grouped(conn, and_(OUTBOX.c.channel == channel, _is_due("last-30-days", now)))
    is_open = and_(OUTBOX.c.channel == channel, OUTBOX.c.state.in_(_OPEN))
    later = _grouped(conn, and_(is_open, _is_due("later", now)))
    none = Count(0)
    return [
        KindCounts(
            channel,
            kind,
            {state: past.get((kind, state), none) for state in STATES},
            later.get((kind, "pending"), none),
        )
        for kind in sorted({kind for kind, _ in (*past, *later)})
    ]


def _grouped(conn: Connection, condition: Any) -> dict[tuple[str, str], Count]:
    columns = (OUTBOX.c.kind, OUTBOX.c.state)
    last = select(*columns).where(condition).order_by(OUTBOX.c.due_at.desc()).limit(WINDOW)
    window = last.subquery()
    kind, state = window.c.kind, window.c.state
    found = conn.execute(select(kind, state, func.count()).group_by(kind, state)).all()
    cut = sum(row[2] for row in found) >= WINDOW
    return {(row[0], row[1]): Count(row[2], "at least" if cut else "exact") for row in found}


def _is_due(due: str, now: datetime) -> Any:
    if due == "later":
        return OUTBOX.c.due_at > now
    until_now = OUTBOX.c.due_at <= now
    return and_(until_now, OUTBOX.c.due_at > now - MONTH) if due == "last-30-days" else until_now
