"""Lanes: each sink's effects go their own way, and a sink that needs a rest pauses alone.

A pause lies in the database, since every process must keep it and people must see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Table,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA
from sync.store.outbox import Lane, claimable
from sync.store.outbox_table import OPEN, OUTBOX

SINK_PAUSE = Table(
    "sink_pause",
    METADATA,
    Column("channel", Text, primary_key=True),
    Column("sink", Text, primary_key=True),
    # Real times.
    Column("until", DateTime(timezone=True), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema=EVERGREEN,
)
_IS_ON = SINK_PAUSE.c.until > func.now()
_NAMES = (OUTBOX.c.channel, OUTBOX.c.sink)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A sink at rest."""

    lane: Lane
    until: datetime
    reason: str
    since: datetime


def due(conn: Connection, now: datetime, *, simulated: bool = False) -> list[Lane]:
    """Return the lanes in which an effect is due at `now`, but for those that pause."""
    lane = _lanes().c
    waits = exists().where(
        OUTBOX.c.channel == lane.channel,
        OUTBOX.c.sink == lane.sink,
        claimable(now, simulated=simulated),
    )
    paused = exists().where(
        SINK_PAUSE.c.channel == lane.channel, SINK_PAUSE.c.sink == lane.sink, _IS_ON
    )
    rows = conn.execute(select(lane.channel, lane.sink).where(waits, ~paused)).all()
    return sorted(Lane(row.channel, row.sink) for row in rows)


def _lanes() -> Any:
    """Return every lane with an open effect: found by a few steps through the index."""
    is_open = OUTBOX.c.state.in_(OPEN)
    in_order = select(*_NAMES).where(is_open).order_by(*_NAMES).limit(1)
    first = in_order.subquery()
    lane = select(first.c.channel, first.c.sink).cte("lane", recursive=True)
    after = select(*_NAMES).where(is_open, tuple_(*_NAMES) > tuple_(lane.c.channel, lane.c.sink))
    following = after.order_by(*_NAMES).limit(1).lateral()
    return lane.union_all(
        select(following.c.channel, following.c.sink).select_from(lane, following)
    )


def pause(conn: Connection, lane: Lane, delay_s: float, reason: str) -> None:
    """Let the sink of `lane` rest for `delay_s`, and at least as long as it does already."""
    row = {
        "channel": lane.channel,
        "sink": lane.sink,
        "until": func.now() + timedelta(seconds=delay_s),
        "reason": reason,
    }
    new = insert(SINK_PAUSE).values(row)
    known = {
        "until": func.greatest(SINK_PAUSE.c.until, new.excluded.until),
        "reason": new.excluded.reason,
        "since": case((_IS_ON, SINK_PAUSE.c.since), else_=func.now()),
    }
    names = [SINK_PAUSE.c.channel, SINK_PAUSE.c.sink]
    conn.execute(new.on_conflict_do_update(index_elements=names, set_=known))


def put_off(conn: Connection, lane: Lane, now: datetime, delay_s: float, reason: str) -> None:
    """Let a lane's effects that are due at `now` be due `delay_s` later, in business time."""
    waiting = and_(*_is(lane), OUTBOX.c.state == "pending", OUTBOX.c.due_at <= now)
    later = now + timedelta(seconds=delay_s)
    conn.execute(update(OUTBOX).where(waiting).values(due_at=later, reason=reason))


def pauses(conn: Connection) -> Sequence[Pause]:
    """Return the sinks that rest now."""
    rows = conn.execute(select(SINK_PAUSE).where(_IS_ON).order_by(SINK_PAUSE.c.since))
    return [
        Pause(lane=Lane(row.channel, row.sink), until=row.until, reason=row.reason, since=row.since)
        for row in rows
    ]


def resume(conn: Connection, lane: Lane) -> bool:
    """End a sink's rest; False when it had none."""
    mine = update(SINK_PAUSE).where(
        SINK_PAUSE.c.channel == lane.channel, SINK_PAUSE.c.sink == lane.sink, _IS_ON
    )
    return conn.execute(mine.values(until=func.now())).rowcount == 1


def _is(lane: Lane) -> tuple[Any, Any]:
    return OUTBOX.c.channel == lane.channel, OUTBOX.c.sink == lane.sink


# Beside a row of the outbox: why its sink rests while it waits; nothing when it does not.
BLOCKED = (
    select(SINK_PAUSE.c.reason)
    .where(
        SINK_PAUSE.c.channel == OUTBOX.c.channel,
        SINK_PAUSE.c.sink == OUTBOX.c.sink,
        _IS_ON,
        OUTBOX.c.state == "pending",
        OUTBOX.c.due_at <= func.now(),
    )
    .correlate(OUTBOX)
    .scalar_subquery()
)
# As people see it: what waits for a sink at rest is blocked.
SHOWN_STATE = case((BLOCKED.is_not(None), literal("blocked")), else_=OUTBOX.c.state)
SHOWN_REASON = func.coalesce(BLOCKED, OUTBOX.c.reason)
