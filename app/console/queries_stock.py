"""What the console asks of the stock and its ledger."""

from sqlalchemy import Connection, RowMapping, case, literal, select, true

from app.console.counts import Count, count_rows
from app.console.paging import Slice, read_slice
from sync.inventory.tables import (
    GATE,
    NOTICE,
    RESERVATION,
    RESERVATION_ITEM,
    STOCK_LEVEL,
    STOCK_LINE,
    STOCK_MOVEMENT,
    STOCK_REVIEW,
)

# Units that may still be sold, at which a shelf counts as low. Ours, until shops can set it.
LOW_AT = 5
_MOST_LEVELS = 500
_MOST_WAITING = 50

_AVAILABLE = (STOCK_LEVEL.c.on_hand - STOCK_LEVEL.c.reserved).label("available")
_STANDING = case((_AVAILABLE < 0, "negative"), (_AVAILABLE <= LOW_AT, "low"), else_="")


def levels(conn: Connection, *, only_low: bool = False, sku: str = "") -> list[RowMapping]:
    """Return the shelves with what may still be sold, the emptiest first, at most 500."""
    found = select(STOCK_LEVEL, _AVAILABLE, _STANDING.label("standing"))
    if only_low:
        found = found.where(_AVAILABLE <= LOW_AT)
    if sku:
        found = found.where(STOCK_LEVEL.c.sku == sku)
    ordered = found.order_by(_AVAILABLE, STOCK_LEVEL.c.sku, STOCK_LEVEL.c.location)
    return list(conn.execute(ordered.limit(_MOST_LEVELS)).mappings())


def movements(conn: Connection, *, sku: str = "", before: str | None = None) -> Slice:
    """Return the ledger, the newest entry first; with `sku` only what moved that."""
    rows = select(STOCK_MOVEMENT)
    rows = rows.where(STOCK_MOVEMENT.c.sku == sku) if sku else rows
    return read_slice(conn, rows, ("id",), before=before)


def waiting_lines(conn: Connection) -> list[RowMapping]:
    """Return invoice lines that nobody knows how to take from the shelf, at most 50."""
    lines = select(STOCK_LINE).where(~STOCK_LINE.c.settled)
    ordered = lines.order_by(STOCK_LINE.c.seen_at.desc(), STOCK_LINE.c.source_line)
    return list(conn.execute(ordered.limit(_MOST_WAITING)).mappings())


def reviews(conn: Connection) -> list[RowMapping]:
    """Return invoices whose money went back and whose goods may have, at most 50."""
    ordered = select(STOCK_REVIEW).order_by(STOCK_REVIEW.c.opened_at.desc())
    return list(conn.execute(ordered.limit(_MOST_WAITING)).mappings())


def holds(conn: Connection, *, sku: str = "") -> list[RowMapping]:
    """Return what checkouts hold now, what ends first in front, at most 50."""
    held, item = RESERVATION.c, RESERVATION_ITEM.c
    shown = (held.id, held.created_at, held.expires_at, item.sku, item.location, item.quantity)
    found = select(*shown).join(RESERVATION_ITEM, item.reservation == held.id)
    found = found.where(held.state == "held", item.sku == sku if sku else true())
    ordered = found.order_by(held.expires_at, held.id, item.sku, item.location)
    return list(conn.execute(ordered.limit(_MOST_WAITING)).mappings())


def closed_gates(conn: Connection) -> list[RowMapping]:
    """Return what is sold out and off sale at Stripe, the newest first, at most 50."""
    closed = select(GATE).where(GATE.c.closed_by != [])
    ordered = closed.order_by(GATE.c.since.desc(), GATE.c.target_id)
    return list(conn.execute(ordered.limit(_MOST_WAITING)).mappings())


def notices(conn: Connection, *, sku: str = "") -> list[RowMapping]:
    """Return what was told of shelves, the newest first, at most 50."""
    found = select(NOTICE).where(NOTICE.c.sku == sku if sku else true())
    ordered = found.order_by(NOTICE.c.id.desc())
    return list(conn.execute(ordered.limit(_MOST_WAITING)).mappings())


def count_open_questions(conn: Connection) -> tuple[Count, Count]:
    """Return how many lines wait for a mapping, and how many invoices for a look."""
    waits = select(STOCK_LINE.c.source_line).where(~STOCK_LINE.c.settled)
    looks = select(literal(1)).select_from(STOCK_REVIEW)
    return count_rows(conn, waits), count_rows(conn, looks)
