"""The inbox: the raw bytes of every authentic delivery, and what became of each event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    any_,
    cast,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sync.errors import LeaseLost
from sync.store.engine import EVERGREEN, METADATA

STATES = ("pending", "done", "parked", "dead")
# An event that took its worker down this often, or failed this often, is dead.
MAX_ATTEMPTS = 3
_RETRY_DELAYS_S = (5, 30)
_PENDING = text("state = 'pending'")
_TRIED = text("state = 'pending' and attempts > 0")
_SET_ASIDE = text("state in ('parked', 'dead')")

INBOX = Table(
    "inbox",
    METADATA,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("account", Text, nullable=False, server_default=""),
    Column("type", Text),
    Column("object_id", Text),
    Column("created", DateTime(timezone=True)),
    Column("api_version", Text),
    Column("livemode", Boolean),
    # Events of one object share a slot, and a slot belongs to one lane of workers.
    Column("slot", SmallInteger, nullable=False, server_default="0"),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", DateTime(timezone=True)),
    Column("lease_token", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("last_error", Text),
    Column("done_at", DateTime(timezone=True)),
    CheckConstraint(f"state in {STATES}", name="state"),
    UniqueConstraint("event_id", "account"),
    Index("inbox_pending_idx", "seq", postgresql_where=_PENDING),
    Index("inbox_object_id_created_idx", "object_id", "created"),
    # Few among many: without it, each batch would look through the whole backlog for them.
    Index("inbox_tried_idx", "seq", postgresql_where=_TRIED),
    # What people look for among millions: what was set aside, and whose charge ever failed.
    Index("inbox_set_aside_idx", "state", "seq", postgresql_where=_SET_ASIDE),
    Index(
        "inbox_payment_failed_idx",
        "seq",
        postgresql_include=["object_id", "account"],
        postgresql_where=text("type = 'invoice.payment_failed'"),
    ),
    schema=EVERGREEN,
)

# Bytes that came under a known event id but differ from the first delivery's.
INBOX_OTHER_BYTES = Table(
    "inbox_other_bytes",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("payload_sha256", LargeBinary, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    schema=EVERGREEN,
)

Stored = Literal["stored", "duplicate", "parked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One authentic delivery: its envelope as far as it could be read, and its raw bytes.

    `parked` names why the bytes cannot be used, None when they can.
    """

    event_id: str
    payload: bytes
    account: str = ""
    type: str | None = None
    object_id: str | None = None
    created: datetime | None = None
    api_version: str | None = None
    livemode: bool | None = None
    slot: int = 0
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """An inbox row in this worker's hand until its lease runs out."""

    seq: int
    event_id: str
    account: str
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim took: the rows, and the token that proves they are still ours."""

    lease: UUID
    rows: tuple[Claimed, ...]


# Returns a row for a new event and none for a known one.
STORE = insert(INBOX).on_conflict_do_nothing().returning(INBOX.c.seq)


def store(conn: Connection, delivery: Delivery) -> Stored:
    """Keep `delivery`, once per event id; the caller's commit is what a 2xx promises."""
    if conn.execute(STORE, row_of(delivery)).first() is None:
        return "duplicate"
    return "parked" if delivery.parked else "stored"


def row_of(delivery: Delivery) -> dict[str, Any]:
    """Return the columns that `STORE` writes for `delivery`."""
    return {
        "event_id": delivery.event_id,
        "account": delivery.account,
        "type": delivery.type,
        "object_id": delivery.object_id,
        "created": delivery.created,
        "api_version": delivery.api_version,
        "livemode": delivery.livemode,
        "slot": delivery.slot,
        "payload": delivery.payload,
        "state": "parked" if delivery.parked else "pending",
        "last_error": delivery.parked,
    }


def count_repeat(conn: Connection, delivery: Delivery) -> bool:
    """Count a repeated delivery; keep its bytes too and return True when they differ."""
    known = and_(INBOX.c.event_id == delivery.event_id, INBOX.c.account == delivery.account)
    same = (INBOX.c.payload == delivery.payload).label("same")
    counted = update(INBOX).where(known).values(deliveries=INBOX.c.deliveries + 1)
    row = conn.execute(counted.returning(INBOX.c.seq, same)).one()
    if row.same:
        return False
    sha = func.sha256(delivery.payload)
    other = insert(INBOX_OTHER_BYTES).on_conflict_do_nothing()
    conn.execute(other.values(seq=row.seq, payload_sha256=sha, payload=delivery.payload))
    return True


def claim(
    conn: Connection, *, lane: int, lanes: int, limit: int = 200, lease_s: float = 20
) -> Batch:
    """Take the oldest pending rows of `lane`, of `lanes` in all, for `lease_s` seconds.

    Only fresh rows come in batches: see `claim_tried`.
    """
    return _take(conn, _in_lane(lane, lanes) & (INBOX.c.attempts == 0), limit, lease_s)


def claim_tried(conn: Connection, *, lane: int, lanes: int, lease_s: float = 20) -> Batch:
    """Take one row that was tried before: alone, lest it takes others down with its worker.

    What did so too often is buried first.
    """
    bury_crashers(conn)
    return _take(conn, _in_lane(lane, lanes) & (INBOX.c.attempts > 0), 1, lease_s)


def bury_crashers(conn: Connection) -> int:
    """Mark as dead what took its worker down `MAX_ATTEMPTS` times; return how many."""
    crashed = and_(
        INBOX.c.state == "pending",
        INBOX.c.attempts >= MAX_ATTEMPTS,
        INBOX.c.lease_until < func.now(),
    )
    dead = update(INBOX).where(crashed).values(state="dead", last_error="worker_crashed")
    return conn.execute(dead).rowcount


def finish(conn: Connection, lease: UUID, seqs: Sequence[int]) -> None:
    """Mark rows as done, in the transaction that did them.

    Raises:
        LeaseLost: one of them is not ours any more; nothing of this transaction may stay.
    """
    done = {"state": "done", "done_at": func.now(), "last_error": None}
    if _mine(conn, lease, seqs, done) != len(seqs):
        raise LeaseLost(f"{len(seqs)} inbox rows")


def release(conn: Connection, lease: UUID, *, again_in_s: float = 2) -> int:
    """Give back what is still held under `lease`, as if it had not been tried; return how many."""
    mine = and_(INBOX.c.lease_token == lease, INBOX.c.state == "pending")
    untried = {
        "attempts": INBOX.c.attempts - 1,
        "lease_token": None,
        "lease_until": None,
        "retry_at": func.now() + timedelta(seconds=again_in_s),
    }
    return conn.execute(update(INBOX).where(mine).values(**untried)).rowcount


def park(conn: Connection, lease: UUID, seq: int, error: str) -> None:
    """Set an authentic but unusable event aside, visibly."""
    _mine(conn, lease, [seq], {"state": "parked", "last_error": error})


def fail(conn: Connection, lease: UUID, row: Claimed, error: str) -> None:
    """Schedule a failed event again, or bury it after `MAX_ATTEMPTS`."""
    if row.attempts >= MAX_ATTEMPTS:
        _mine(conn, lease, [row.seq], {"state": "dead", "last_error": error})
        return
    delay = timedelta(seconds=_RETRY_DELAYS_S[min(row.attempts, len(_RETRY_DELAYS_S)) - 1])
    again = {"retry_at": func.now() + delay, "last_error": error, "lease_until": None}
    _mine(conn, lease, [row.seq], again)


def replay(conn: Connection, event_ids: Sequence[str]) -> int:
    """Make parked, dead or done events pending again; return how many there were."""
    known = and_(INBOX.c.event_id.in_(event_ids), INBOX.c.state != "pending")
    fresh = {"state": "pending", "attempts": 0, "retry_at": None, "lease_until": None}
    return conn.execute(update(INBOX).where(known).values(**fresh)).rowcount


def waiting_lanes(conn: Connection, lanes: int, *, older_than_s: float) -> list[int]:
    """Return the lanes in which something claimable has waited for `older_than_s` seconds."""
    lane = (INBOX.c.slot % lanes).label("lane")
    old = INBOX.c.received_at < func.now() - timedelta(seconds=older_than_s)
    return list(conn.execute(select(lane).where(_free(), old).distinct()).scalars())


def busy(conn: Connection) -> bool:
    """Tell whether an event is pending, apart from those waiting to be retried."""
    pending = and_(INBOX.c.state == "pending", INBOX.c.retry_at.is_(None))
    return conn.execute(select(INBOX.c.seq).where(pending).limit(1)).first() is not None


def payloads_of(conn: Connection, object_ids: Sequence[str], *, depth: int = 32) -> list[bytes]:
    """Return the raw bytes of the newest `depth` done events of each object."""
    ids = cast(list(object_ids), ARRAY(Text))
    wanted = func.unnest(ids).table_valued("id").render_derived(name="wanted")
    newest = (
        select(INBOX.c.payload)
        .where(INBOX.c.object_id == wanted.c.id, INBOX.c.state == "done")
        .order_by(INBOX.c.created.desc(), INBOX.c.seq.desc())
        .limit(depth)
        .lateral("newest")
    )
    return list(conn.execute(select(newest.c.payload).select_from(wanted, newest)).scalars())


def _free() -> Any:
    return and_(
        INBOX.c.state == "pending",
        or_(INBOX.c.lease_until.is_(None), INBOX.c.lease_until < func.now()),
        or_(INBOX.c.retry_at.is_(None), INBOX.c.retry_at <= func.now()),
    )


def _in_lane(lane: int, lanes: int) -> Any:
    return and_(_free(), INBOX.c.slot % lanes == lane) if lanes > 1 else _free()


def _take(conn: Connection, condition: Any, limit: int, lease_s: float) -> Batch:
    lease = uuid4()
    picked = (
        select(INBOX.c.seq)
        .where(condition)
        .order_by(INBOX.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(INBOX)
        # As an array it is picked once, whatever the plan; with IN it could be picked again.
        .where(INBOX.c.seq == any_(func.array(picked.scalar_subquery())))
        .values(
            attempts=INBOX.c.attempts + 1,
            lease_token=lease,
            lease_until=func.now() + timedelta(seconds=lease_s),
        )
        .returning(
            INBOX.c.seq, INBOX.c.event_id, INBOX.c.account, INBOX.c.payload, INBOX.c.attempts
        )
    )
    rows = sorted((Claimed(*row) for row in conn.execute(taken)), key=lambda row: row.seq)
    return Batch(lease, tuple(rows))


def _mine(conn: Connection, lease: UUID, seqs: Sequence[int], values: dict[str, Any]) -> int:
    named = INBOX.c.seq == any_(cast(list(seqs), ARRAY(BigInteger)))
    mine = and_(named, INBOX.c.lease_token == lease, INBOX.c.state == "pending")
    return conn.execute(update(INBOX).where(mine).values(lease_token=None, **values)).rowcount
