"""The ledger of the stock: every movement is written once, beside the level it leads to."""

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, and_, func, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from sync.inventory.tables import STOCK_ITEM, STOCK_LEVEL, STOCK_MOVEMENT

Counter = Literal["on_hand", "reserved"]
COUNTED = "count"
# The first count of a shelf: what was there before we began to book.
OPENING = "first_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A step of one counter of one shelf; `at` is business time.

    One key (`source_line`, `sku`, `location`, `revision`, `counter`) is booked once for ever.
    """

    source_line: str
    sku: str
    location: str
    revision: int
    counter: Counter
    delta: int
    cause: str
    event_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked(Movement):
    """A movement as the ledger holds it."""

    id: int
    level_after: int


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """So many of a SKU were counted at a location; a shelf is counted once at a time."""

    sku: str
    location: str
    on_hand: int


def book(conn: Connection, movements: Iterable[Movement]) -> list[Booked]:
    """Move the levels and write the ledger; return what was booked.

    Shelves are always taken in the order of SKU and location: two writers cannot deadlock.
    """
    in_order = sorted(movements, key=lambda m: (m.sku, m.location, m.source_line, m.counter))
    if not in_order:
        return []
    after = [_move_level(conn, each) for each in in_order]
    rows = [_ledger_row(each, level) for each, level in zip(in_order, after, strict=True)]
    ids = conn.execute(_WRITE, rows).scalars()
    return [
        Booked(**asdict(each), id=booked_id, level_after=level)
        for each, booked_id, level in zip(in_order, ids, after, strict=True)
    ]


_WRITE = insert(STOCK_MOVEMENT).returning(STOCK_MOVEMENT.c.id, sort_by_parameter_order=True)


def _move_level(conn: Connection, movement: Movement) -> int:
    """Move one counter; return where it stands then."""
    level = STOCK_LEVEL.c
    shelf = and_(level.sku == movement.sku, level.location == movement.location)
    moved = {movement.counter: level[movement.counter] + movement.delta, "updated_at": movement.at}
    step = update(STOCK_LEVEL).where(shelf).values(moved).returning(level[movement.counter])
    after = conn.execute(step).scalar_one_or_none()
    if after is None:
        know_shelf(conn, movement.sku, movement.location, movement.at)
        after = conn.execute(step).scalar_one()
    return int(after)


def know_shelf(conn: Connection, sku: str, location: str, at: datetime) -> None:
    """Make a shelf known, empty; one that is known stays as it is."""
    shelf = {"sku": sku, "location": location, "updated_at": at}
    conn.execute(insert(STOCK_LEVEL).on_conflict_do_nothing(), shelf)


def count(
    conn: Connection, counts: Iterable[Count], at: datetime, *, opens: bool = True
) -> list[Booked]:
    """Set shelves to what was counted there; return the differences that this booked.

    `opens`: the first count of a shelf is marked as such, since it is news to nobody else.
    """
    in_order = sorted(counts)
    if not in_order:
        return []
    # Before any shelf is locked: a sale takes items first and shelves then, too.
    know_items(conn, [each.sku for each in in_order])
    stands = _locked(conn, in_order, at)
    known = first_counts(conn, stands) if opens else stands
    steps = ((each, each.on_hand - stands[each.sku, each.location]) for each in in_order)
    return book(conn, [_step(each, delta, known, at) for each, delta in steps if delta])


def _locked(
    conn: Connection, in_order: Sequence[Count], at: datetime
) -> dict[tuple[str, str], int]:
    """Lock shelves, the new ones too, one after the other; return what is on hand there."""
    shelves = [{"sku": each.sku, "location": each.location, "updated_at": at} for each in in_order]
    made = insert(STOCK_LEVEL).values(shelves)
    shelf = (STOCK_LEVEL.c.sku, STOCK_LEVEL.c.location)
    # Changes nothing, but waits for, and keeps, whatever stands there.
    kept = made.on_conflict_do_update(index_elements=shelf, set_={"on_hand": STOCK_LEVEL.c.on_hand})
    found = conn.execute(kept.returning(*shelf, STOCK_LEVEL.c.on_hand))
    return {(row[0], row[1]): row[2] for row in found}


def first_counts(
    conn: Connection, shelves: Collection[tuple[str, str]]
) -> dict[tuple[str, str], datetime]:
    """Return when each of `shelves` (SKU, location) was first counted; others are missing."""
    moved = STOCK_MOVEMENT.c
    shelf = (moved.sku, moved.location)
    found = select(*shelf, func.min(moved.created_at)).group_by(*shelf)
    # As the index says it: what was sold of a shelf is not looked at.
    counted = moved.cause.in_((literal_column(f"'{OPENING}'"), literal_column(f"'{COUNTED}'")))
    wanted = tuple_(*shelf).in_(sorted(shelves))
    return {(row[0], row[1]): row[2] for row in conn.execute(found.where(counted, wanted))}


def _step(counted: Count, delta: int, known: Container[tuple[str, str]], at: datetime) -> Movement:
    """Return the step to what was counted; `known`: shelves whose count opens nothing."""
    return Movement(
        source_line=f"adj:{uuid4()}",
        sku=counted.sku,
        location=counted.location,
        revision=1,
        counter="on_hand",
        delta=delta,
        cause=COUNTED if (counted.sku, counted.location) in known else OPENING,
        event_id=None,
        at=at,
    )


def know_items(conn: Connection, skus: Iterable[str]) -> None:
    """Make SKUs known; those that are known stay as they are."""
    if rows := [{"sku": sku} for sku in sorted(set(skus))]:
        conn.execute(insert(STOCK_ITEM).on_conflict_do_nothing(), rows)


def known_skus(conn: Connection) -> list[str]:
    """Return every SKU that was ever sold, counted or mapped."""
    return list(conn.execute(select(STOCK_ITEM.c.sku).order_by(STOCK_ITEM.c.sku)).scalars())


def known_locations(conn: Connection) -> list[str]:
    """Return every location that has a shelf."""
    return sorted(conn.execute(select(func.distinct(STOCK_LEVEL.c.location))).scalars())


def _ledger_row(movement: Movement, level_after: int) -> dict[str, object]:
    return {
        "source_line": movement.source_line,
        "sku": movement.sku,
        "location": movement.location,
        "revision": movement.revision,
        "counter": movement.counter,
        "delta": movement.delta,
        "level_after": level_after,
        "cause": movement.cause,
        "event_id": movement.event_id,
        "created_at": movement.at,
    }
