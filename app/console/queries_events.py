"""What the console asks of the inbox."""

import operator
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, or_, select

from app.console.counts import Count, count_rows, count_table
from app.console.paging import WINDOW, Filter, Slice, read_slice
from sync.store.inbox import INBOX, STATES
from sync.store.outbox import OUTBOX

DAY = timedelta(hours=24)
# States with few rows, for which there is an index; most events are `done`.
_RARE = tuple(state for state in STATES if state != "done")
_MOST_EFFECTS = 200
_LISTED = (
    "seq",
    "event_id",
    "account",
    "type",
    "object_id",
    "created",
    "received_at",
    "state",
    "attempts",
    "deliveries",
    "last_error",
)


def listed(
    conn: Connection,
    *,
    state: str = "",
    type_: str = "",
    object_id: str = "",
    last_day: bool = False,
    before: str | None = None,
) -> Slice:
    """Return events, those that came last first; empty words filter nothing."""
    rows: Select[Any] = select(*(INBOX.c[name] for name in _LISTED))
    filters: list[Filter] = []
    if object_id:
        rows = rows.where(INBOX.c.object_id == object_id)
    if state in _RARE:
        rows = rows.where(INBOX.c.state == state)
    elif state:
        filters.append(("state", operator.eq, state))
    if type_:
        filters.append(("type", operator.eq, type_))
    if last_day:
        filters.append(("received_at", operator.gt, func.now() - DAY))
    return read_slice(conn, rows, ("seq",), before=before, filters=filters)


def load(conn: Connection, event_id: str, account: str | None) -> RowMapping | None:
    """Return one event with its payload; without `account` the first account's that has it."""
    named = INBOX.c.event_id == event_id
    mine = named if account is None else and_(named, INBOX.c.account == account)
    found = select(INBOX).where(mine).order_by(INBOX.c.account).limit(1)
    return conn.execute(found).mappings().first()


def effects_of(conn: Connection, event_id: str, customer_id: str | None) -> list[RowMapping]:
    """Return the effects that came from an event about something of `customer_id`.

    Effects are found by customer, for which there is an index; those about no customer in
    particular, such as a product's, are looked at too.
    """
    nobodys = OUTBOX.c.customer_id.is_(None)
    whose = or_(OUTBOX.c.customer_id == customer_id, nobodys) if customer_id else nobodys
    found = select(OUTBOX).where(whose, OUTBOX.c.event_id == event_id)
    ordered = found.order_by(OUTBOX.c.due_at, OUTBOX.c.key).limit(_MOST_EFFECTS)
    return list(conn.execute(ordered).mappings())


def counts_last_day(conn: Connection) -> dict[str, Count]:
    """Return how many events came in the last 24 hours, by state, among the newest `WINDOW`."""
    columns = (INBOX.c.state, INBOX.c.received_at)
    newest = select(*columns).order_by(INBOX.c.seq.desc()).limit(WINDOW).subquery()
    recent = select(newest.c.state, func.count()).where(newest.c.received_at > func.now() - DAY)
    found = {row[0]: row[1] for row in conn.execute(recent.group_by(newest.c.state))}
    cut = sum(found.values()) >= WINDOW
    return {s: Count(found.get(s, 0), "at least" if cut else "exact") for s in STATES}


def counts_in_all(conn: Connection) -> dict[str, Count]:
    """Return how many events there are by state; `done` is the rest of the table."""
    rare = {s: count_rows(conn, select(INBOX.c.seq).where(INBOX.c.state == s)) for s in _RARE}
    total = count_table(conn, INBOX)
    rest = max(0, total.value - sum(count.value for count in rare.values()))
    return {**rare, "done": Count(rest, total.exactness)}


def oldest_pending_age(conn: Connection) -> timedelta | None:
    """Return for how long the first event in the line has waited, None when none waits."""
    waits = select(func.now(), INBOX.c.received_at).where(INBOX.c.state == "pending")
    row = conn.execute(waits.order_by(INBOX.c.seq).limit(1)).one_or_none()
    return None if row is None else row[0] - row[1]
