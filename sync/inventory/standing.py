"""How every shelf stands, and what a person shall know when that changes.

A shelf is sold out at its lower threshold and back at its upper one: between them it stays as
it was. Source: reference crm-inventory, section 6 (gate).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from sync.inventory import items
from sync.inventory.items import Item
from sync.inventory.tables import NOTICE, STANDING, STOCK_LEVEL

Standing = Literal["ok", "low", "out", "oversold"]
NoticeKind = Literal["low_stock", "sold_out", "oversold", "back_in_stock"]
NOTICES: tuple[NoticeKind, ...] = get_args(NoticeKind)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What stands at one place; `available` is what may still be promised."""

    sku: str
    location: str
    on_hand: int
    available: int


def stands(shelf: Shelf, item: Item, before: Standing | None) -> Standing:
    """Return how a shelf stands, by its thresholds and by how it stood `before`."""
    if not item.track:
        return "ok"
    if shelf.on_hand < 0:
        return "oversold"
    if shelf.available <= item.oos_at:
        return "out"
    if before in _GONE and shelf.available < item.resume_at:
        return "out"
    return "low" if item.low_at is not None and shelf.available <= item.low_at else "ok"


_GONE = frozenset({"out", "oversold"})


def notice(before: Standing | None, after: Standing) -> NoticeKind | None:
    """Return what is to be told of a step; a shelf that was never looked at was fine.

    That it is back is told also of a shelf that is back but low: it will not be told later.
    """
    if after == (before or "ok"):
        return None
    if before in _GONE and after not in _GONE:
        return "back_in_stock"
    return None if (before, after) == ("oversold", "out") else _TELLS.get(after)


_TELLS: Mapping[Standing, NoticeKind] = {
    "oversold": "oversold",
    "out": "sold_out",
    "low": "low_stock",
}


def look(conn: Connection, sku: str, now: datetime) -> list[int]:
    """Note how a SKU's shelves stand by `now`; return the ids of new notices.

    A SKU that is not there yet, so that nothing of it was sold or counted, has no shelf.
    """
    item = items.load(conn, [sku]).get(sku)
    if item is None:
        return []
    # Locked before the levels are read: whoever looks last tells of the last of them.
    before = _before(conn, sku)
    shelves = list(_shelves(conn, item))
    told = [_note(conn, shelf, item, before.get(shelf.location), now) for shelf in shelves]
    return [each for each in told if each is not None]


def _shelves(conn: Connection, item: Item) -> Iterator[Shelf]:
    level = STOCK_LEVEL.c
    rows = select(level.location, level.on_hand, level.reserved).where(level.sku == item.sku)
    for row in conn.execute(rows.order_by(level.location)):
        free = row.on_hand - row.reserved - item.safety
        yield Shelf(item.sku, row.location, row.on_hand, free)


def _before(conn: Connection, sku: str) -> dict[str, Standing]:
    column = STANDING.c
    mine = select(column.location, column.standing).where(column.sku == sku)
    return {row.location: row.standing for row in conn.execute(mine.with_for_update())}


def _note(
    conn: Connection, shelf: Shelf, item: Item, before: Standing | None, now: datetime
) -> int | None:
    after = stands(shelf, item, before)
    if after == before:
        return None
    row = {"sku": shelf.sku, "location": shelf.location, "standing": after, "since": now}
    conn.execute(_KEEP, row)
    kind = notice(before, after)
    if kind is None or (kind == "oversold" and item.policy == "always"):
        return None  # a backorder is what the shop has asked for
    told = {
        "kind": kind,
        "sku": shelf.sku,
        "location": shelf.location,
        "on_hand": shelf.on_hand,
        "available": shelf.available,
        "at": now,
    }
    return int(conn.execute(insert(NOTICE).returning(NOTICE.c.id), told).scalar_one())


_NEW = insert(STANDING)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[STANDING.c.sku, STANDING.c.location],
    set_={name: _NEW.excluded[name] for name in ("standing", "since")},
)
