"""The ledger of the stock: every movement is written once, beside the level it leads to."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection, and_, func, select, update
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
    return [_write(conn, each, _move_level(conn, each)) for each in in_order]


def _write(conn: Connection, movement: Movement, level_after: int) -> Booked:
    row = insert(STOCK_MOVEMENT).returning(STOCK_MOVEMENT.c.id)
    booked_id = conn.execute(row, _ledger_row(movement, level_after)).scalar_one()
    return Booked(**asdict(movement), id=booked_id, level_after=level_after)


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
    # Before any shelf is locked: a sale takes items first and shelves then, too.
    know_items(conn, [each.sku for each in in_order])
    booked = [_difference(conn, each, at, opens=opens) for each in in_order]
    return book(conn, [movement for movement in booked if movement.delta])


def _was_counted(conn: Connection, sku: str, location: str) -> bool:
    moved = STOCK_MOVEMENT.c
    found = select(moved.id).where(
        moved.sku == sku, moved.location == location, moved.cause.in_((COUNTED, OPENING))
    )
    return conn.execute(found.limit(1)).first() is not None


def _difference(conn: Connection, counted: Count, at: datetime, *, opens: bool) -> Movement:
    """Lock a shelf and return the step from what stands there to what was counted."""
    level = STOCK_LEVEL.c
    shelf = and_(level.sku == counted.sku, level.location == counted.location)
    know_shelf(conn, counted.sku, counted.location, at)
    stands = conn.execute(select(level.on_hand).where(shelf).with_for_update()).scalar_one()
    first = opens and not _was_counted(conn, counted.sku, counted.location)
    return Movement(
        source_line=f"adj:{uuid4()}",
        sku=counted.sku,
        location=counted.location,
        revision=1,
        counter="on_hand",
        delta=counted.on_hand - stands,
        cause=OPENING if first else COUNTED,
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
