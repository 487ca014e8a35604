"""How an invoice's lines are read: once, when they are first seen open or paid.

What is settled stays, whatever is renamed later. A line that waits for a parent the mirror
lacks, or for a person, is read again each time its invoice is converged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from sync.inventory.ledger import first_counts, know_items
from sync.inventory.mapping import Line, Resolution, resolve
from sync.inventory.policy import PLAIN, InventoryPolicy
from sync.inventory.tables import STOCK_ALLOC, STOCK_LINE

BEFORE_FIRST_COUNT = "before_first_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Which invoice to converge, why, and by which rules; `now` is business time."""

    account: str
    invoice: str
    now: datetime
    event_id: str | None = None
    livemode: bool = False
    policy: InventoryPolicy = PLAIN


def source_line(job: Job, line: str) -> str:
    """Return the ledger's name of an invoice line: line ids alone were not unique in 2019."""
    return f"{job.invoice}:{line}"


def read_lines(
    conn: Connection, job: Job, lines: Mapping[str, Line], paid_at: datetime | None
) -> bool:
    """Freeze how each line is read, unless that is settled; return whether a new wait began.

    What is met for the first time though it was paid for before its shelf was first counted,
    such as an old invoice of a backfill that is refunded in part, is in that count already.
    """
    known = _known_lines(conn, job)
    policy = job.policy
    read = {
        line.id: resolve(line, lookup_keys=policy.lookup_keys, location=policy.location)
        for line in lines.values()
        if line.id not in known or not known[line.id].settled
    }
    if not read:
        return False
    if paid_at is not None:
        new = {line: found for line, found in read.items() if line not in known}
        read |= _uncounted(conn, new, paid_at)
    _keep_lines(conn, job, lines, read)
    _keep_allocs(conn, job, read)
    return any(
        not found.settled and _waits_for(lines[line]) != _waited_for(known.get(line))
        for line, found in read.items()
    )


def _uncounted(
    conn: Connection, read: Mapping[str, Resolution], paid_at: datetime
) -> dict[str, Resolution]:
    """Return the lines without what was in the first count of its shelf."""
    shelves = {(each.sku, each.location) for found in read.values() for each in found.components}
    counted = {shelf for shelf, at in first_counts(conn, shelves).items() if paid_at < at}
    return {
        line: _without(found, counted) for line, found in read.items() if found.state == "mapped"
    }


def _without(found: Resolution, counted: set[tuple[str, str]]) -> Resolution:
    left = tuple(each for each in found.components if (each.sku, each.location) not in counted)
    if left:
        return replace(found, components=left)
    return Resolution("ignored", BEFORE_FIRST_COUNT)


def forget_map(conn: Connection, account: str, invoice: str) -> int:
    """Let an invoice's lines be read anew, after the map was changed; return how many."""
    mine = and_(STOCK_LINE.c.account == account, STOCK_LINE.c.invoice == invoice)
    return conn.execute(update(STOCK_LINE).where(mine).values(settled=False)).rowcount


def forget_waiting(conn: Connection, job: Job) -> Literal[False]:
    """Let no line of an invoice wait that asks for nothing any more, such as a voided one."""
    mine = and_(STOCK_LINE.c.account == job.account, STOCK_LINE.c.invoice == job.invoice)
    conn.execute(delete(STOCK_LINE).where(mine, STOCK_LINE.c.settled.is_(False)))
    return False


def waiting_for(conn: Connection, account: str, parent: Mapping[str, str]) -> list[str]:
    """Return the invoices with an unsettled line that names `parent`, such as {"price": id}."""
    found = select(STOCK_LINE.c.invoice).where(
        STOCK_LINE.c.account == account, STOCK_LINE.c.settled.is_(False)
    )
    for column, parent_id in parent.items():
        found = found.where(STOCK_LINE.c[column] == parent_id)
    return sorted(conn.execute(found.distinct()).scalars())


def _waits_for(line: Line) -> tuple[str | None, ...]:
    return (line.price_id, line.product_id, line.subscription_id, line.item_id)


def _waited_for(known: Row[Any] | None) -> tuple[str | None, ...] | None:
    return known and (known.price, known.product, known.subscription, known.subscription_item)


def _known_lines(conn: Connection, job: Job) -> dict[str, Row[Any]]:
    mine = and_(STOCK_LINE.c.account == job.account, STOCK_LINE.c.invoice == job.invoice)
    return {row.line: row for row in conn.execute(select(STOCK_LINE).where(mine))}


def _keep_lines(
    conn: Connection, job: Job, lines: Mapping[str, Line], read: Mapping[str, Resolution]
) -> None:
    rows = [
        {
            "source_line": source_line(job, line),
            "account": job.account,
            "invoice": job.invoice,
            "line": line,
            "price": lines[line].price_id,
            "product": lines[line].product_id,
            "subscription": lines[line].subscription_id,
            "subscription_item": lines[line].item_id,
            "state": found.state,
            "reason": found.reason,
            "settled": found.settled,
            "seen_at": job.now,
        }
        for line, found in sorted(read.items())
    ]
    conn.execute(_KEEP_LINE, rows)


def _keep_allocs(conn: Connection, job: Job, read: Mapping[str, Resolution]) -> None:
    """Record what lines take; what a line took by an earlier reading, it takes no more."""
    sources = [source_line(job, line) for line in read]
    read_before = update(STOCK_ALLOC).where(STOCK_ALLOC.c.source_line.in_(sources))
    conn.execute(read_before.values(unit_quantity=0))
    taken = sorted(
        (component.sku, component.location, source_line(job, line), component.quantity)
        for line, found in read.items()
        for component in found.components
    )
    if taken:
        know_items(conn, [sku for sku, *_ in taken])
        conn.execute(_KEEP_ALLOC, [_alloc(job, *each) for each in taken])


def _alloc(job: Job, sku: str, location: str, source: str, unit_quantity: int) -> dict[str, object]:
    return {
        "source_line": source,
        "sku": sku,
        "location": location,
        "account": job.account,
        "invoice": job.invoice,
        "unit_quantity": unit_quantity,
    }


_LINE = insert(STOCK_LINE)
_KEEP_LINE = _LINE.on_conflict_do_update(
    index_elements=[STOCK_LINE.c.source_line],
    set_={
        name: _LINE.excluded[name]
        for name in (
            *("price", "product", "subscription", "subscription_item"),
            *("state", "reason", "settled"),
        )
    },
)
_ALLOC = insert(STOCK_ALLOC)
_KEEP_ALLOC = _ALLOC.on_conflict_do_update(
    index_elements=[STOCK_ALLOC.c.source_line, STOCK_ALLOC.c.sku, STOCK_ALLOC.c.location],
    set_={"unit_quantity": _ALLOC.excluded.unit_quantity},
)
