"""All typed columns anew from `data`, after an upgrade that derives them in another way.

Batch by batch, beside live events: each batch is a transaction of its own that holds the
lanes of its objects, and notes how far it came. What old code left in `stripe.other_objects`
although its type has a table by now is moved there.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Table, exists, func, select, tuple_
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.projection import fingerprint
from sync.mirror.rewrite import Key, move, rewrite
from sync.mirror.tables import MirroredObject
from sync.store import lanes as lane_locks
from sync.store import progress

TASK = "reproject"
# What the data of one object can cause; it must not stop the others.
_OF_THE_DATA = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    DataError,
    IntegrityError,
    OperationalError,
)
# Of the operational errors only those about a limit, such as a value too long for an index.
_LIMIT_EXCEEDED = "54"
Work = Callable[[Connection, MirroredObject, Collection[Key]], int]


@dataclass(frozen=True, slots=True)
class Step:
    """What one batch did: rows seen, rows that differed, rows moved, and what failed (ids)."""

    rows: int = 0
    changed: int = 0
    moved: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a part of the task stands: which code made it so far, up to which key."""

    projection: str
    after: Key | None = None
    failed: int = 0

    @classmethod
    def of(cls, part: progress.Part | None) -> "Cursor":
        """Return where `part` stands; a part that never began was made by nobody."""
        if part is None or part.cursor is None:
            return cls("")
        told = orjson.loads(part.cursor)
        return cls(told["projection"], told["after"] and tuple(told["after"]), told["failed"])

    def text(self) -> str:
        """Return what `of` takes."""
        told = {"projection": self.projection, "after": self.after, "failed": self.failed}
        return orjson.dumps(told).decode()


def names() -> Mapping[str, MirroredObject]:
    """Return everything that can be recomputed, by the name of its part."""
    return {**OBJECTS, OTHER.table.name: OTHER}


def begin(conn: Connection, chosen: Collection[str], *, resume: bool = False) -> None:
    """Start these parts from their beginning; to resume, only those that other code began."""
    known = _parts(conn)
    stale = {name for name in chosen if Cursor.of(known.get(name)).projection != _current(name)}
    again = sorted(stale if resume else chosen)
    progress.begin(conn, TASK, again)
    for name in again:
        progress.advance(conn, TASK, name, Cursor(_current(name)).text(), done=0)


def run(engine: Engine, name: str, *, lanes: int, batch_rows: int = 500) -> Iterator[Step]:
    """Go on with a part that began, and yield after each committed batch."""
    kind = names()[name]
    yield from _move_strays(engine, kind, lanes, batch_rows)
    with engine.connect() as conn:
        part = _parts(conn)[name]
    cursor = Cursor.of(part)
    while part.finished_at is None:
        with engine.begin() as conn:
            keys = _keys(conn, kind.table, cursor.after, batch_rows)
            if not keys:
                progress.finish(conn, TASK, name)
                return
            step = _batch(conn, kind, keys, rewrite, lanes)
            cursor = Cursor(cursor.projection, keys[-1], cursor.failed + len(step.failed))
            done = {"done": step.rows, "changed": step.changed}
            progress.advance(conn, TASK, name, cursor.text(), **done)
        yield step


def left(conn: Connection, name: str) -> int:
    """Return how many rows a part that began has still before it, as far as can be told."""
    part = _parts(conn)[name]
    if part.finished_at is not None:
        return 0
    held = select(func.count()).select_from(names()[name].table)
    return max(int(conn.execute(held).scalar_one()) - part.done, 0)


def due(conn: Connection) -> list[str]:
    """Return the parts whose typed columns not this code made, or not all of them."""
    return [name for name in _not_noted(conn) if not _is_empty(conn, names()[name].table)]


def note_empty(conn: Connection) -> None:
    """Note that tables without rows need no recomputing: this code will write them all."""
    empty = [name for name in _not_noted(conn) if _is_empty(conn, names()[name].table)]
    begin(conn, empty)
    for name in empty:
        progress.finish(conn, TASK, name)


def _not_noted(conn: Connection) -> list[str]:
    known = _parts(conn)
    return [name for name in names() if not _is_current(known.get(name), name)]


def _is_current(part: progress.Part | None, name: str) -> bool:
    cursor = Cursor.of(part)
    finished = part is not None and part.finished_at is not None and not cursor.failed
    return finished and cursor.projection == _current(name)


def _is_empty(conn: Connection, table: Table) -> bool:
    return not conn.execute(select(exists().select_from(table))).scalar_one()


def _parts(conn: Connection) -> dict[str, progress.Part]:
    return {part.part: part for part in progress.parts(conn, TASK)}


def _current(name: str) -> str:
    return fingerprint(names()[name])


def _move_strays(
    engine: Engine, kind: MirroredObject, lanes: int, batch_rows: int
) -> Iterator[Step]:
    if kind is OTHER:
        return
    after: Key | None = None
    mine = OTHER.table.c.object == kind.name
    while True:
        with engine.begin() as conn:
            keys = _keys(conn, OTHER.table, after, batch_rows, mine)
            if not keys:
                return
            step = _batch(conn, kind, keys, move, lanes)
        after = keys[-1]
        yield Step(moved=step.changed, failed=step.failed)


def _keys(
    conn: Connection,
    table: Table,
    after: Key | None,
    limit: int,
    where: ColumnElement[bool] | None = None,
) -> list[Key]:
    key = tuple(table.primary_key)
    wanted = select(*key).order_by(*key).limit(limit)
    if where is not None:
        wanted = wanted.where(where)
    if after is not None:
        wanted = wanted.where(tuple_(*key) > after)
    return [tuple(row) for row in conn.execute(wanted)]


def _batch(
    conn: Connection, kind: MirroredObject, keys: Sequence[Key], work: Work, lanes: int
) -> Step:
    """Do one batch; should the data of an object stop it, one object after the other."""
    lane_locks.hold_all_of(conn, [key[0] for key in keys], lanes)
    try:
        with conn.begin_nested():
            return Step(rows=len(keys), changed=work(conn, kind, keys))
    except _OF_THE_DATA as error:
        _must_be_of_the_data(error)
        alone = [_alone(conn, kind, key, work) for key in keys]
    failed = [each for step in alone for each in step.failed]
    return Step(rows=len(keys), changed=sum(s.changed for s in alone), failed=tuple(failed))


def _alone(conn: Connection, kind: MirroredObject, key: Key, work: Work) -> Step:
    try:
        with conn.begin_nested():
            return Step(rows=1, changed=work(conn, kind, [key]))
    except _OF_THE_DATA as error:
        _must_be_of_the_data(error)
        return Step(rows=1, failed=(f"{key[0]} ({type(error).__name__})",))


def _must_be_of_the_data(error: Exception) -> None:
    """Raise what a server in trouble causes: then the batch is to be done again."""
    if isinstance(error, OperationalError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if not state.startswith(_LIMIT_EXCEEDED):
            raise error
