"""Asking for snapshots again, whatever a sink may hold by now."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, or_, select, tuple_, update

from sync.changes import Effect
from sync.crm.links import Key
from sync.crm.planning import told_of
from sync.mirror.objects import customer
from sync.store import outbox
from sync.store.outbox_table import OUTBOX

# One transaction's worth.
SLICE = 1_000
_COLUMN = customer.TABLE.c


def push(conn: Connection, keys: Sequence[Key], now: datetime, sinks: Sequence[str]) -> set[Key]:
    """Ask that each of `sinks` be told of customers anew; return those the mirror knows."""
    whose = tuple_(_COLUMN.account, _COLUMN.id).in_(sorted(set(keys)))
    known = conn.execute(select(_COLUMN.account, _COLUMN.id, _COLUMN.livemode).where(whose)).all()
    effects = [
        effect
        for row in known
        for effect in told_of(row.account, row.id, now, sinks, livemode=row.livemode)
    ]
    outbox.add(conn, effects)
    _forget(conn, effects)
    return {(row.account, row.id) for row in known}


def _forget(conn: Connection, effects: Sequence[Effect]) -> None:
    """Forget what the sinks hold, so that what has not changed is sent all the same.

    Who has one in hand just now may find that nothing has changed, so it is confirmed.
    """
    keys = [effect.key for effect in effects]
    confirm = or_(OUTBOX.c.confirm, OUTBOX.c.state == "leased")
    asked = update(OUTBOX).where(OUTBOX.c.key.in_(keys))
    conn.execute(asked.values(sent_hash=None, confirm=confirm))


def everybody(engine: Engine, accounts: Sequence[str]) -> Iterator[list[Key]]:
    """Yield all customers of `accounts`, slice by slice."""
    place = tuple_(_COLUMN.account, _COLUMN.id)
    ours = select(_COLUMN.account, _COLUMN.id).where(_COLUMN.account.in_(accounts))
    after: Key | None = None
    while True:
        wanted = ours.where(place > after) if after else ours
        with engine.connect() as conn:
            rows = conn.execute(wanted.order_by(_COLUMN.account, _COLUMN.id).limit(SLICE)).all()
        if not rows:
            return
        keys = [(row.account, row.id) for row in rows]
        yield keys
        after = keys[-1]
