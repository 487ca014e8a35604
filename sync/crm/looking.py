"""What time alone brings to a snapshot: a discount ends, access is lost, a card expires."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from sync.changes import Effect
from sync.crm.planning import told_of
from sync.crm.tables import CRM_LOOK

# At one look; the rest follows with the next one.
MOST_AT_ONCE = 1_000
_COLUMN = CRM_LOOK.c
_NEW = insert(CRM_LOOK)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[_COLUMN.account, _COLUMN.customer_id],
    set_={"look_at": _NEW.excluded.look_at},
    where=_COLUMN.look_at.is_distinct_from(_NEW.excluded.look_at),
)

Key = tuple[str, str]
"""Account and customer."""


def note(conn: Connection, looks: Iterable[tuple[Key, bool, datetime | None]]) -> None:
    """Note when to look again at each customer (key, live mode, instant); None: never."""
    wanted = {key: (livemode, look_at) for key, livemode, look_at in looks}
    rows = [
        {"account": key[0], "customer_id": key[1], "livemode": livemode, "look_at": look_at}
        for key, (livemode, look_at) in sorted(wanted.items())
        if look_at
    ]
    never = sorted(key for key, (_, look_at) in wanted.items() if look_at is None)
    if rows:
        conn.execute(_KEEP, rows)
    if never:
        whose = tuple_(_COLUMN.account, _COLUMN.customer_id)
        conn.execute(delete(CRM_LOOK).where(whose.in_(never)))


def scan(conn: Connection, now: datetime, sinks: Sequence[str]) -> list[Effect]:
    """Return requests for the snapshots that time has changed by `now`, each once."""
    due = (
        select(_COLUMN.account, _COLUMN.customer_id)
        .where(_COLUMN.look_at <= now)
        .order_by(_COLUMN.look_at)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    whose = tuple_(_COLUMN.account, _COLUMN.customer_id)
    looked = delete(CRM_LOOK).where(whose.in_(due)).returning(CRM_LOOK)
    return [
        effect
        for row in conn.execute(looked)
        for effect in told_of(row.account, row.customer_id, now, sinks, livemode=row.livemode)
    ]
