"""Objects to read again from Stripe: what the events alone could not tell.

One row per object, whoever asks how often; it goes when a reading has settled it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    case,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA

_LEASE_S = 120
_LONGEST_DELAY_S = 6 * 3600
_MOST_DOUBLINGS = 15
# The reason of a wish that no later event settles.
THIN = "thin"
# That of a wish for what the mirror has never seen.
UNKNOWN = "unknown"

REFETCH = Table(
    "refetch",
    METADATA,
    Column("object", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("account", Text, primary_key=True, server_default=""),
    Column("reason", Text, nullable=False),
    # Where the API shows it, when whoever asks knows better than our own table of paths.
    Column("path", Text),
    # The event that asked: what follows from the reading is told as following from it.
    Column("event_id", Text),
    Column("event_type", Text),
    Column("event_created", DateTime(timezone=True)),
    Column("asked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text),
    Index("refetch_due_at_idx", "due_at"),
    schema=EVERGREEN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An object to be read again, and why: a slug such as `undecided`; not before `delay_s`."""

    object: str
    id: str
    account: str
    reason: str
    path: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    event_created: datetime | None = None
    delay_s: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A wish in this worker's hand. `asked_at` tells a later wish for the same object apart."""

    object: str
    id: str
    account: str
    reason: str
    path: str | None
    event_id: str | None
    event_type: str | None
    event_created: datetime | None
    asked_at: datetime
    attempts: int


def ask(conn: Connection, wishes: Sequence[Wish]) -> None:
    """Record `wishes`; one that stands already is made due no later than this one.

    What only a reading can tell (`thin`) stays so, whatever else is asked of the object; and
    who could not be read before is not read sooner because somebody asks again.
    """
    rows = {(each.object, each.id, each.account): _row(each) for each in wishes}
    if not rows:
        return
    new = insert(REFETCH).values([rows[key] for key in sorted(rows)])
    asked: dict[str, Any] = {
        name: new.excluded[name] for name in ("event_id", "event_type", "event_created", "asked_at")
    }
    asked |= {
        "reason": case((REFETCH.c.reason == THIN, THIN), else_=new.excluded.reason),
        "path": func.coalesce(new.excluded.path, REFETCH.c.path),
        "due_at": func.least(REFETCH.c.due_at, new.excluded.due_at),
    }
    conn.execute(new.on_conflict_do_update(index_elements=list(_KEY), set_=asked))


def claim(conn: Connection, *, limit: int = 20) -> tuple[Claimed, ...]:
    """Take the wishes that are due; who does not settle one loses it after two minutes."""
    due = (
        select(*_KEY.values())
        .where(REFETCH.c.due_at <= func.now())
        .order_by(REFETCH.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(REFETCH)
        .where(tuple_(*_KEY.values()).in_(due))
        .values(attempts=REFETCH.c.attempts + 1, due_at=func.now() + timedelta(seconds=_LEASE_S))
        .returning(*(REFETCH.c[name] for name in Claimed.__slots__))
    )
    return tuple(Claimed(**row) for row in conn.execute(taken).mappings())


def settle(conn: Connection, claimed: Claimed) -> None:
    """Forget a wish that was fulfilled; one that was asked again meanwhile stays, and is due."""
    same = _is(claimed)
    conn.execute(delete(REFETCH).where(same, REFETCH.c.asked_at == claimed.asked_at))
    conn.execute(update(REFETCH).where(same).values(due_at=func.now()))


def postpone(
    conn: Connection, claimed: Claimed, error: str, *, retry_after_s: float | None = None
) -> None:
    """Try again later: after what the other side asked for, or longer each time."""
    doubled_s = 2.0 ** min(claimed.attempts, _MOST_DOUBLINGS)
    delay_s = max(retry_after_s or 0, min(doubled_s, _LONGEST_DELAY_S))
    later = func.now() + timedelta(seconds=delay_s)
    conn.execute(update(REFETCH).where(_is(claimed)).values(due_at=later, last_error=error))


def waiting(conn: Connection) -> bool:
    """Tell whether a wish is due."""
    due = select(REFETCH.c.id).where(REFETCH.c.due_at <= func.now()).limit(1)
    return conn.execute(due).first() is not None


def forget(conn: Connection, object_type: str, ids: Sequence[str], account: str) -> None:
    """Drop the wishes for objects that were just read for another reason."""
    gone = (REFETCH.c.object == object_type) & REFETCH.c.id.in_(ids)
    conn.execute(delete(REFETCH).where(gone, REFETCH.c.account == account))


_KEY = {name: REFETCH.c[name] for name in ("object", "id", "account")}


def _is(claimed: Claimed) -> Any:
    return tuple_(*_KEY.values()).in_([(claimed.object, claimed.id, claimed.account)])


def _row(wish: Wish) -> dict[str, Any]:
    return {
        "object": wish.object,
        "id": wish.id,
        "account": wish.account,
        "reason": wish.reason,
        "path": wish.path,
        "event_id": wish.event_id,
        "event_type": wish.event_type,
        "event_created": wish.event_created,
        "asked_at": func.clock_timestamp(),
        "due_at": func.now() + timedelta(seconds=wish.delay_s),
    }
