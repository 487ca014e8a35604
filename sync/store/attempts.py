"""What became of each attempt at an effect, kept for 30 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from sync.changes import Outcome
from sync.delivery.trail import Call
from sync.store.engine import EVERGREEN, METADATA
from sync.store.outbox import Claimed

KEPT = timedelta(days=30)
_AT_ONCE = 5_000

DELIVERY_ATTEMPT = Table(
    "delivery_attempt",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # The effect's.
    Column("key", Text, nullable=False),
    # Real time at which it ended.
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("attempt", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    # How long the whole batch took, how many calls it made, and how the last of them ended.
    Column("ms", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("http_status", Integer),
    Column("correlation_id", Text),
    Index("delivery_attempt_key_idx", "key", "id"),
    Index("delivery_attempt_at_idx", "at"),
    schema=EVERGREEN,
)
COLUMNS = tuple(column.name for column in DELIVERY_ATTEMPT.columns if column.name != "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one effect, with the calls of the batch that it was part of."""

    claimed: Claimed
    outcome: Outcome
    ms: int
    calls: Sequence[Call]


def record(conn: Connection, attempts: Sequence[Attempt]) -> None:
    """Note what became of `attempts`."""
    if attempts:
        conn.execute(insert(DELIVERY_ATTEMPT), [_row(each) for each in attempts])


def of(conn: Connection, key: str, *, limit: int = 100) -> Sequence[RowMapping]:
    """Return the newest attempts at the effect `key`, the newest last."""
    columns = [DELIVERY_ATTEMPT.c[name] for name in COLUMNS]
    mine = select(*columns).where(DELIVERY_ATTEMPT.c.key == key)
    newest = mine.order_by(DELIVERY_ATTEMPT.c.id.desc()).limit(limit)
    return conn.execute(newest).mappings().all()[::-1]


def forget_old(conn: Connection) -> int:
    """Forget some of what is older than `KEPT`; return how many, 0 when there is nothing left."""
    old = select(DELIVERY_ATTEMPT.c.id).where(DELIVERY_ATTEMPT.c.at < func.now() - KEPT)
    some = old.order_by(DELIVERY_ATTEMPT.c.at).limit(_AT_ONCE)
    return conn.execute(delete(DELIVERY_ATTEMPT).where(DELIVERY_ATTEMPT.c.id.in_(some))).rowcount


def _row(attempt: Attempt) -> dict[str, object]:
    last = attempt.calls[-1] if attempt.calls else None
    return {
        "key": attempt.claimed.effect.key,
        "attempt": attempt.claimed.attempts,
        "outcome": type(attempt.outcome).__name__.lower(),
        "reason": getattr(attempt.outcome, "reason", None),
        "ms": attempt.ms,
        "calls": len(attempt.calls),
        "http_status": last.status if last else None,
        "correlation_id": last.correlation_id if last else None,
    }
