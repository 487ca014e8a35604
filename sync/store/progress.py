"""How far long work has come, so that it goes on after an interruption where it stopped.

A task (`backfill`, `reconcile`, `reproject`) is cut into parts, each with a cursor of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, DateTime, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA

PROGRESS = Table(
    "progress",
    METADATA,
    Column("task", Text, primary_key=True),
    Column("part", Text, primary_key=True),
    # Where to go on; null at the beginning.
    Column("cursor", Text),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("changed", BigInteger, nullable=False, server_default="0"),
    Column("began_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("moved_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    schema=EVERGREEN,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a task: how much of it is `done`, how much of that was `changed`."""

    part: str
    cursor: str | None
    done: int
    changed: int
    began_at: datetime
    finished_at: datetime | None


def begin(conn: Connection, task: str, parts: Sequence[str]) -> None:
    """Start these parts of `task` from their beginning, whatever stood there."""
    fresh = {"cursor": None, "done": 0, "changed": 0, "began_at": func.now()}
    fresh |= {"moved_at": func.now(), "finished_at": None}
    for part in parts:
        row = insert(PROGRESS).values(task=task, part=part, **fresh)
        conn.execute(row.on_conflict_do_update(index_elements=["task", "part"], set_=fresh))


def advance(
    conn: Connection, task: str, part: str, cursor: str | None, *, done: int, changed: int = 0
) -> None:
    """Note that a part has come to `cursor`, with so much more done; in the work's transaction."""
    _set(
        conn,
        task,
        part,
        cursor=cursor,
        done=PROGRESS.c.done + done,
        changed=PROGRESS.c.changed + changed,
    )


def finish(conn: Connection, task: str, part: str) -> None:
    """Note that a part is through."""
    _set(conn, task, part, finished_at=func.now())


def take_turn(conn: Connection, task: str, part: str, every: timedelta) -> bool:
    """Tell whether it is `part`'s turn again, and if so make the next one due after `every`.

    Of several processes that ask, one is told so.
    """
    began = {"began_at": func.now(), "moved_at": func.now()}
    turn = insert(PROGRESS).values(task=task, part=part, **began)
    due = PROGRESS.c.moved_at <= func.now() - every
    taken = turn.on_conflict_do_update(index_elements=["task", "part"], set_=began, where=due)
    return conn.execute(taken.returning(PROGRESS.c.part)).first() is not None


def parts(conn: Connection, task: str) -> tuple[Part, ...]:
    """Return the parts of `task` as they stand, by name."""
    c = PROGRESS.c
    wanted = select(c.part, c.cursor, c.done, c.changed, c.began_at, c.finished_at)
    rows = conn.execute(wanted.where(c.task == task).order_by(c.part))
    return tuple(Part(*row) for row in rows)


def _set(conn: Connection, task: str, part: str, **values: object) -> None:
    mine = (PROGRESS.c.task == task) & (PROGRESS.c.part == part)
    conn.execute(update(PROGRESS).where(mine).values(moved_at=func.now(), **values))
