"""The inbox: the raw bytes of every authentic delivery, and what became of each event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
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
    Interval,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Update,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from sync.errors import LeaseLost
from sync.store import claims
from sync.store.claims import CLAIM, SETTLING
from sync.store.engine import EVERGREEN, METADATA

STATES = ("pending", "done", "parked", "dead")
# An event that took its worker down this often, or failed this often, is dead.
MAX_ATTEMPTS = 3
# As many are claimed and worked on at once.
BATCH = 500
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
    # None yet: found in Stripe's own list, while the webhook has not brought it.
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", DateTime(timezone=True)),
    # Not used any more (see `sync.store.claims`); a worker of the release before still may.
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


# Literals, not parameters: only then can any plan use the indexes on a few of the rows.
_IS_PENDING = INBOX.c.state == literal_column("'pending'")
_ZERO = literal_column("0", Integer)
_ANY_TRIED = select(
    or_(exists().where(_IS_PENDING, INBOX.c.attempts > _ZERO), exists().where(claims.LATE))
)

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


def store_missed(conn: Connection, found: Sequence[Delivery]) -> int:
    """Keep those of `found` that no webhook ever brought, in their order; return how many."""
    ids = cast([each.event_id for each in found], ARRAY(Text))
    same = select(INBOX.c.event_id, INBOX.c.account).where(INBOX.c.event_id == any_(ids))
    kept = {(row.event_id, row.account) for row in conn.execute(same)}
    missed = [each for each in found if (each.event_id, each.account) not in kept]
    return sum(_store_missed(conn, each) for each in missed)


def _store_missed(conn: Connection, delivery: Delivery) -> bool:
    return conn.execute(STORE, {**row_of(delivery), "deliveries": 0}).first() is not None


def count_repeat(conn: Connection, delivery: Delivery) -> bool:
    """Count a repeated delivery; keep its bytes too and return True when they differ.

    The first delivery of an event that was found otherwise brings the bytes that Stripe signed.
    """
    known = and_(INBOX.c.event_id == delivery.event_id, INBOX.c.account == delivery.account)
    same = (INBOX.c.payload == delivery.payload).label("same")
    signed = case((INBOX.c.deliveries == 0, delivery.payload), else_=INBOX.c.payload)
    counted = update(INBOX).where(known).values(deliveries=INBOX.c.deliveries + 1, payload=signed)
    row = conn.execute(counted.returning(INBOX.c.seq, same)).one()
    if row.same:
        return False
    sha = func.sha256(delivery.payload)
    other = insert(INBOX_OTHER_BYTES).on_conflict_do_nothing()
    conn.execute(other.values(seq=row.seq, payload_sha256=sha, payload=delivery.payload))
    return True


def claim(
    conn: Connection, *, lane: int, lanes: int, limit: int = BATCH, lease_s: float = 20
) -> Batch:
    """Take the oldest pending rows of `lane`, of `lanes` in all, for `lease_s` seconds.

    Only fresh rows come in batches: see `claim_tried`.
    """
    claims.lock(conn, lane)
    return _take(conn, _taking(lane, lanes, limit, tried=False), lease_s)


def claim_tried(conn: Connection, *, lane: int, lanes: int, lease_s: float = 20) -> Batch:
    """Take one row that was tried before: alone, lest it takes others down with its worker.

    What did so too often is buried first.
    """
    if not conn.execute(_ANY_TRIED).scalar():
        return Batch(uuid4(), ())
    claims.lock(conn, lane)
    bury_crashers(conn)
    return _take(conn, _taking(lane, lanes, 1, tried=True), lease_s)


def bury_crashers(conn: Connection) -> int:
    """Count a try for each row whose worker did not come back; return how many that made dead.

    Dead is what took its worker down, or failed, `MAX_ATTEMPTS` times.
    """
    crashed = claims.give_up_late(conn)
    if not crashed:
        return 0
    conn.execute(update(INBOX).where(_pending(crashed)).values(attempts=INBOX.c.attempts + 1))
    dead = update(INBOX).where(_pending(crashed), INBOX.c.attempts >= MAX_ATTEMPTS)
    return conn.execute(dead.values(state="dead", last_error="worker_crashed")).rowcount


def finish(conn: Connection, lease: UUID, seqs: Sequence[int]) -> None:
    """Mark rows as done, in the transaction that did them.

    Raises:
        LeaseLost: one of them is not ours any more; nothing of this transaction may stay.
    """
    if _settle(conn, lease, seqs, _done()) != len(seqs):
        raise LeaseLost(f"{len(seqs)} inbox rows")


def release(conn: Connection, lease: UUID, *, again_in_s: float = 2) -> int:
    """Give back what is still held under `lease`, as if it had not been tried; return how many."""
    mine = update(INBOX).where(_pending(claims.give_up(conn, lease)))
    again = mine.values(retry_at=func.now() + timedelta(seconds=again_in_s))
    return conn.execute(again).rowcount


def park(conn: Connection, lease: UUID, seq: int, error: str) -> None:
    """Set an authentic but unusable event aside, visibly."""
    _settle(conn, lease, [seq], _ending(state="parked", last_error=error))


def fail(conn: Connection, lease: UUID, row: Claimed, error: str) -> None:
    """Schedule a failed event again, or bury it after `MAX_ATTEMPTS`."""
    ending = _ending(state="dead", last_error=error)
    if row.attempts < MAX_ATTEMPTS:
        delay = timedelta(seconds=_RETRY_DELAYS_S[min(row.attempts, len(_RETRY_DELAYS_S)) - 1])
        ending = _ending(retry_at=func.now() + delay, last_error=error)
    _settle(conn, lease, [row.seq], ending)


def replay(conn: Connection, event_ids: Sequence[str]) -> int:
    """Make parked, dead or done events pending again; return how many there were."""
    known = and_(INBOX.c.event_id.in_(event_ids), INBOX.c.state != "pending")
    fresh = {"state": "pending", "attempts": 0, "retry_at": None}
    return conn.execute(update(INBOX).where(known).values(**fresh)).rowcount


def waiting_lanes(conn: Connection, lanes: int, *, older_than_s: float) -> list[int]:
    """Return the lanes in which something claimable has waited for `older_than_s` seconds."""
    lane = (INBOX.c.slot % lanes).label("lane")
    old = INBOX.c.received_at < func.now() - timedelta(seconds=older_than_s)
    return list(conn.execute(select(lane).where(_free(), old).distinct()).scalars())


def oldest(conn: Connection, account: str) -> datetime | None:
    """Return when the first event that came in for `account` happened."""
    mine = select(INBOX.c.created).where(INBOX.c.account == account, INBOX.c.created.is_not(None))
    return conn.execute(mine.order_by(INBOX.c.seq).limit(1)).scalar()


def busy(conn: Connection) -> bool:
    """Tell whether an event is pending, apart from those waiting to be retried."""
    pending = and_(INBOX.c.state == "pending", INBOX.c.retry_at.is_(None))
    return conn.execute(select(INBOX.c.seq).where(pending).limit(1)).first() is not None


def payloads_of(
    conn: Connection, objects: Sequence[tuple[str, str]], *, depth: int = 32
) -> list[bytes]:
    """Return the raw bytes of the newest `depth` done events of each (object id, account)."""
    ids, accounts = [each[0] for each in objects], [each[1] for each in objects]
    wanted = {"ids": ids, "accounts": accounts, "depth": depth}
    return list(conn.execute(_newest_of_each(), wanted).scalars())


@cache
def _newest_of_each() -> Select[Any]:
    ids, accounts = (cast(bindparam(name), ARRAY(Text)) for name in ("ids", "accounts"))
    listed = func.unnest(ids, accounts).table_valued("id", "account")
    wanted = listed.render_derived(name="wanted")
    newest = (
        select(INBOX.c.payload)
        .where(
            INBOX.c.object_id == wanted.c.id,
            INBOX.c.account == wanted.c.account,
            INBOX.c.state == "done",
        )
        .order_by(INBOX.c.created.desc(), INBOX.c.seq.desc())
        .limit(bindparam("depth", type_=Integer))
        .lateral("newest")
    )
    return select(newest.c.payload).select_from(wanted, newest).execution_options(binary=True)


def known(conn: Connection, event_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these events came in already, and are mirrored or will be."""
    ids = cast(list(event_ids), ARRAY(Text))
    usable = INBOX.c.state.in_(["pending", "done"])
    found = select(INBOX.c.event_id).where(INBOX.c.event_id == any_(ids), usable)
    return frozenset(conn.execute(found).scalars())


def _free() -> Any:
    return and_(
        _IS_PENDING,
        or_(INBOX.c.retry_at.is_(None), INBOX.c.retry_at <= func.now()),
        INBOX.c.seq.not_in(claims.held()),
    )


@cache
def _taking(lane: int, lanes: int, limit: int, *, tried: bool) -> Select[Any]:
    """Return the statement that claims rows: it puts them into a claim, and returns them."""
    row = INBOX.c
    picked = (
        select(row.seq, row.event_id, row.account, row.payload, row.attempts + 1)
        .where(_free(), row.attempts > _ZERO if tried else row.attempts == _ZERO)
        .where(row.slot % lanes == lane if lanes > 1 else true())
        .order_by(row.seq)
        .limit(limit)
        .cte("picked")
        .prefix_with("MATERIALIZED")
    )
    lease, until = bindparam("lease", type_=Uuid), func.now() + bindparam("lease_s", type_=Interval)
    claim = select(lease, func.array_agg(picked.c.seq), until).having(func.count() > 0)
    claimed = insert(CLAIM).from_select(["lease", "seqs", "until"], claim).cte("claimed")
    taken = select(picked).order_by(picked.c.seq).add_cte(claimed)
    return taken.execution_options(binary=True)


def _take(conn: Connection, taking: Select[Any], lease_s: float) -> Batch:
    lease = uuid4()
    rows = conn.execute(taking, {"lease": lease, "lease_s": timedelta(seconds=lease_s)})
    return Batch(lease, tuple(Claimed(*row) for row in rows))


def _settle(conn: Connection, lease: UUID, seqs: Sequence[int], ending: Update) -> int:
    """End a try of rows; return of how many, none where the lease is lost."""
    return conn.execute(ending, {"of_lease": lease, "settled": list(seqs)}).rowcount


@cache
def _done() -> Update:
    return _ending(state="done", done_at=func.now(), last_error=None)


def _ending(**values: Any) -> Update:
    mine = update(INBOX).where(_pending(bindparam("settled")), exists(select(SETTLING)))
    return mine.values(attempts=INBOX.c.attempts + 1, **values).add_cte(SETTLING)


def _pending(seqs: Any) -> Any:
    return and_(INBOX.c.seq == any_(cast(seqs, ARRAY(BigInteger))), _IS_PENDING)
