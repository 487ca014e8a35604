"""One invoice and the shelf: whatever happened to it, book what is wanted less what is booked.

Stripe tells of one return by several events, in any order and more than once. So nothing here
reacts to an event: the invoice is locked, *then* the mirror is read, and the difference to the
ledger is booked in the same transaction. Whoever runs last saw the last state of the mirror,
and running again books nothing. The lock is on the invoice, since a line that is not mapped
yet has no allocation to lock; the allocations are locked after it, always in one order.
Source: reference crm-inventory, sections 6 and 7.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from sync.inventory import reservations
from sync.inventory.desired import Sale, Stock, cause, desired, review
from sync.inventory.facts import load_lines, load_sale
from sync.inventory.ledger import Counter, Movement, book
from sync.inventory.lines import Job, forget_waiting, read_lines, source_line
from sync.inventory.mapping import Line
from sync.inventory.reserving import State
from sync.inventory.tables import STOCK_ALLOC, STOCK_REVIEW
from sync.inventory.telling import Origin, tell

# A draft may still change; from here on the lines are what is owed.
_FREEZES = frozenset({"open", "paid"})


def converge(conn: Connection, job: Job) -> bool:
    """Bring the shelf in line with one invoice, in the caller's transaction.

    Return whether a line was found for the first time that must wait for something: what it
    waits for may have been committed meanwhile, so the caller commits and converges again.
    """
    conn.execute(_LOCK, {"invoice": f"stock:{job.account}:{job.invoice}"})
    sale = load_sale(conn, job.account, job.invoice)
    lines = load_lines(conn, job.account, job.invoice)
    freezes = sale.status in _FREEZES
    waits = read_lines(conn, job, lines, sale.paid_at) if freezes else forget_waiting(conn, job)
    allocs = _locked_allocs(conn, job)
    movements = _book_differences(conn, job, sale, lines, allocs)
    movements += _end_holds(conn, job, sale)
    # All at once, so that the shelves are taken in one order.
    tell(conn, book(conn, movements), job.policy, _origin(job))
    _note_review(conn, job, review(sale) if allocs else None)
    return waits


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:invoice, 0))")


def _book_differences(
    conn: Connection,
    job: Job,
    sale: Sale,
    lines: Mapping[str, Line],
    allocs: Sequence[Row[Any]],
) -> list[Movement]:
    """Note what `allocs` have moved by now, and return the movements that this asks to book."""
    by_source = {source_line(job, line.id): line for line in lines.values()}
    moved: list[dict[str, object]] = []
    movements: list[Movement] = []
    for alloc in allocs:
        wanted = _desired(job, sale, by_source.get(alloc.source_line), alloc)
        steps = list(_steps(job, sale, alloc, wanted))
        movements += steps
        moved += [_applied(alloc, wanted)] if steps else []
    if moved:
        conn.execute(_APPLY, moved)
    return movements


# What an invoice makes of what its checkout held.
_ENDS_HOLD: Mapping[str | None, State] = {
    "paid": "committed",
    "void": "released",
    "uncollectible": "released",
}


def _end_holds(conn: Connection, job: Job, sale: Sale) -> list[Movement]:
    """An open invoice that reserves by itself takes the place of what was held for it."""
    takes_over = sale.status == "open" and job.policy.reserve_open
    state: State | None = "committed" if takes_over else _ENDS_HOLD.get(sale.status)
    if state is None:
        return []
    return reservations.ended(conn, sale.reservations, state, job.now, event_id=job.event_id)


def _origin(job: Job) -> Origin:
    return Origin(now=job.now, account=job.account, livemode=job.livemode, event_id=job.event_id)


def _locked_allocs(conn: Connection, job: Job) -> Sequence[Row[Any]]:
    mine = and_(STOCK_ALLOC.c.account == job.account, STOCK_ALLOC.c.invoice == job.invoice)
    in_order = (STOCK_ALLOC.c.sku, STOCK_ALLOC.c.location, STOCK_ALLOC.c.source_line)
    return conn.execute(
        select(STOCK_ALLOC).where(mine).order_by(*in_order).with_for_update(),
    ).all()


def _desired(job: Job, sale: Sale, line: Line | None, alloc: Row[Any]) -> Stock:
    if line is None:
        return Stock()
    return desired(
        sale,
        line.id,
        line.quantity,
        alloc.unit_quantity,
        line.amount_minor,
        reserve_open=job.policy.reserve_open,
    )


def _steps(job: Job, sale: Sale, alloc: Row[Any], wanted: Stock) -> Iterator[Movement]:
    differences: dict[Counter, int] = {
        "on_hand": wanted.on_hand - alloc.applied_on_hand,
        "reserved": wanted.reserved - alloc.applied_reserved,
    }
    for counter, delta in differences.items():
        if delta:
            yield Movement(
                source_line=alloc.source_line,
                sku=alloc.sku,
                location=alloc.location,
                revision=alloc.revision + 1,
                counter=counter,
                delta=delta,
                cause="remap" if alloc.unit_quantity == 0 else cause(sale),
                event_id=job.event_id,
                at=job.now,
            )


def _applied(alloc: Row[Any], wanted: Stock) -> dict[str, object]:
    return {
        "of_source_line": alloc.source_line,
        "of_sku": alloc.sku,
        "of_location": alloc.location,
        "applied_on_hand": wanted.on_hand,
        "applied_reserved": wanted.reserved,
        "revision": alloc.revision + 1,
    }


_APPLY = (
    update(STOCK_ALLOC)
    .where(
        STOCK_ALLOC.c.source_line == bindparam("of_source_line"),
        STOCK_ALLOC.c.sku == bindparam("of_sku"),
        STOCK_ALLOC.c.location == bindparam("of_location"),
    )
    .values(
        applied_on_hand=bindparam("applied_on_hand"),
        applied_reserved=bindparam("applied_reserved"),
        revision=bindparam("revision"),
    )
)


def _note_review(conn: Connection, job: Job, reason: str | None) -> None:
    """Open, change or close the invoice's review."""
    mine = and_(STOCK_REVIEW.c.account == job.account, STOCK_REVIEW.c.invoice == job.invoice)
    if reason is None:
        conn.execute(delete(STOCK_REVIEW).where(mine))
        return
    row = {"account": job.account, "invoice": job.invoice, "reason": reason, "opened_at": job.now}
    conn.execute(_KEEP_REVIEW, row)


_REVIEW = insert(STOCK_REVIEW)
_KEEP_REVIEW = _REVIEW.on_conflict_do_update(
    index_elements=[STOCK_REVIEW.c.account, STOCK_REVIEW.c.invoice],
    set_={"reason": _REVIEW.excluded.reason},
)
