"""The outbox: every effect that shall leave the house, its state and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from sync.changes import Done, Effect, Failed, Later, Outcome, RetryIn, Skipped, Unknown
from sync.store.engine import EVERGREEN, METADATA

STATES = ("pending", "leased", "sending", "sent", "done", "unknown", "skipped", "failed")
_OPEN = ("pending", "leased", "sending")
# A mail server may take its time-out at every step of a conversation.
SENDING_S = 120.0
# The first half of what stands for an effect's key outside: in the mail's Message-ID and headers.
MESSAGE = r"left(encode(sha256(replace(key, '\', '\\')::bytea), 'hex'), 32)"

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("shape", Text, nullable=False, server_default="once"),
    Column("account", Text, nullable=False, server_default=""),
    Column("livemode", Boolean, nullable=False, server_default=text("false")),
    Column("customer_id", Text),
    Column("subject", JSONB, nullable=False, server_default=text("'{}'")),
    Column("event_id", Text),
    # Business time: when it shall go out, and from when on it is too late.
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("reason", Text),
    # Real time from here on.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("retry_at", DateTime(timezone=True)),
    Column("lease_token", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    # Counts the requests for a `state` effect: one asked for during delivery is not lost.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("remote_id", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("ended_at", DateTime(timezone=True)),
    # Business time at which it was sent, skipped or given up.
    Column("settled_at", DateTime(timezone=True)),
    # Real time at which the mail provider told what became of a mail.
    Column("delivered_at", DateTime(timezone=True)),
    Column("bounced_at", DateTime(timezone=True)),
    Column("complained_at", DateTime(timezone=True)),
    # Which text of which experiment the customer got, or that they are held out of it.
    Column("variant", Text),
    CheckConstraint(f"state in {STATES}", name="state"),
    Index("outbox_open_idx", "due_at", postgresql_where=text(f"state in {_OPEN}")),
    Index("outbox_customer_id_idx", "customer_id", "due_at"),
    Index("outbox_mail_settled_at_idx", "settled_at", postgresql_where=text("channel = 'mail'")),
    Index("outbox_variant_idx", "variant", postgresql_where=text("variant IS NOT NULL")),
    Index("outbox_message_idx", text(MESSAGE), postgresql_where=text("channel = 'mail'")),
    Index(
        "outbox_channel_due_at_idx",
        "channel",
        "due_at",
        "key",
        postgresql_include=["kind", "state"],
    ),
    schema=EVERGREEN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An effect in this worker's hand until `lease` runs out."""

    effect: Effect
    lease: UUID
    attempts: int
    revision: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """An effect on record, how it stands, and as which variant of an experiment it went."""

    effect: Effect
    state: str
    variant: str | None


def add(conn: Connection, effects: Sequence[Effect]) -> None:
    """Record `effects`; a known key is left as it is, unless it is a `state` effect.

    A `state` effect asked for again becomes due again, whatever became of it before.
    """
    once = {e.key: _row(e) for e in effects if e.shape == "once"}
    state = {e.key: _row(e) for e in effects if e.shape == "state"}
    if once:
        conn.execute(insert(OUTBOX).on_conflict_do_nothing(), _in_key_order(once))
    if state:
        conn.execute(_REARM, _in_key_order(state))


def claim(
    conn: Connection, now: datetime, *, limit: int = 20, lease_s: float = 60
) -> list[Claimed]:
    """Take up to `limit` effects due at `now` for `lease_s` seconds, oldest first."""
    due = (
        select(OUTBOX.c.key)
        .where(claimable(now))
        .order_by(OUTBOX.c.due_at, OUTBOX.c.key)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    lease = uuid4()
    taken = (
        update(OUTBOX)
        .where(OUTBOX.c.key.in_(due))
        .values(
            state="leased",
            lease_token=lease,
            lease_until=func.now() + timedelta(seconds=lease_s),
            attempts=OUTBOX.c.attempts + 1,
        )
        .returning(OUTBOX)
    )
    rows = conn.execute(taken).mappings().all()
    claimed = [_claimed(row, lease) for row in rows]
    return sorted(claimed, key=lambda c: (c.effect.due_at, c.effect.key))


def claimable(now: datetime) -> Any:
    """Return the condition for effects due at `now` that nobody holds and no retry delays."""
    waiting = and_(
        OUTBOX.c.state == "pending",
        or_(OUTBOX.c.retry_at.is_(None), OUTBOX.c.retry_at <= func.now()),
    )
    abandoned = and_(OUTBOX.c.state == "leased", OUTBOX.c.lease_until < func.now())
    return and_(
        OUTBOX.c.state.in_(_OPEN),
        OUTBOX.c.due_at <= now,
        or_(waiting, abandoned),
    )


def find(conn: Connection, key: str) -> Recorded | None:
    """Return the effect `key` as it is on record, None when there is none."""
    row = conn.execute(select(OUTBOX).where(OUTBOX.c.key == key)).mappings().one_or_none()
    return Recorded(_effect(row), row["state"], row["variant"]) if row else None


def mark_sending(conn: Connection, claimed: Claimed, *, lease_s: float = SENDING_S) -> bool:
    """Say, before the first byte leaves, that it may have left; False when the lease is lost.

    From here on the lease is the sending's own: longer than the slowest server can take.
    """
    mine = _mine(claimed).where(OUTBOX.c.state == "leased", OUTBOX.c.lease_until > func.now())
    until = func.now() + timedelta(seconds=lease_s)
    return conn.execute(mine.values(state="sending", lease_until=until)).rowcount == 1


def note_variant(conn: Connection, claimed: Claimed, variant: str) -> None:
    """Record which variant of an experiment the mail in hand is."""
    conn.execute(_mine(claimed).values(variant=variant))


def note_customer(conn: Connection, claimed: Claimed, customer_id: str) -> None:
    """Record whom the effect in hand is about, where that was not known when it was planned."""
    conn.execute(_mine(claimed).values(customer_id=customer_id))


def settle(
    conn: Connection,
    claimed: Claimed,
    outcome: Outcome,
    now: datetime,
    *,
    retry_in_business_time: bool = False,
) -> bool:
    """Record how `claimed` ended; False when somebody else holds it by now.

    `now` is business time. What was asked for again meanwhile is pending again, whatever the
    end: one statement decides, so that no request slips in between. A retry waits in real
    time, or, `retry_in_business_time`, until the simulated clock has walked so far.
    """
    ending = _ending(claimed, outcome, now)
    if retry_in_business_time and isinstance(outcome, RetryIn):
        del ending["retry_at"]
        ending["due_at"] = now + timedelta(seconds=outcome.delay_s)
    again = OUTBOX.c.revision > claimed.revision
    values = {
        name: case((again, _AGAIN.get(name, OUTBOX.c[name])), else_=value)
        for name, value in ending.items()
    }
    return conn.execute(_mine(claimed).values(lease_token=None, **values)).rowcount == 1


def release(conn: Connection, claimed: Claimed) -> None:
    """Give back untouched what there was no time for."""
    untouched = {"state": "pending", "lease_token": None, "attempts": OUTBOX.c.attempts - 1}
    conn.execute(_mine(claimed).where(OUTBOX.c.state == "leased").values(**untouched))


def settle_broken(
    conn: Connection,
    claimed: Claimed,
    outcome: Outcome,
    now: datetime,
    *,
    retry_in_business_time: bool = False,
) -> bool:
    """Record the end of an effect whose handler broke.

    What may already have left is `unknown`, whatever `outcome` says; the rest ends as it says.
    """
    left = _mine(claimed).where(OUTBOX.c.state == "sending")
    unclear = _ending(claimed, Unknown("handler_broke"), now)
    if conn.execute(left.values(lease_token=None, **unclear)).rowcount:
        return True
    return settle(conn, claimed, outcome, now, retry_in_business_time=retry_in_business_time)


def give_up_unclear(conn: Connection, now: datetime) -> int:
    """Mark as `unknown` what was being sent when its sender vanished; return how many."""
    stuck = and_(OUTBOX.c.state == "sending", OUTBOX.c.lease_until < func.now())
    ended = {"ended_at": func.now(), "settled_at": now, "lease_token": None}
    lost = update(OUTBOX).where(stuck).values(**_unclear("sender_vanished"), **ended)
    return conn.execute(lost).rowcount


def next_due(conn: Connection, until: datetime) -> datetime | None:
    """Return the earliest business time not after `until` at which an open effect is due."""
    pending = and_(OUTBOX.c.state == "pending", OUTBOX.c.retry_at.is_(None))
    earliest = select(func.min(OUTBOX.c.due_at)).where(pending, OUTBOX.c.due_at <= until)
    return conn.execute(earliest).scalar_one_or_none()


def busy(conn: Connection, now: datetime) -> bool:
    """Tell whether an effect due at `now` is open, apart from those waiting to be retried."""
    open_ = and_(OUTBOX.c.state.in_(_OPEN), OUTBOX.c.due_at <= now, OUTBOX.c.retry_at.is_(None))
    return conn.execute(select(OUTBOX.c.key).where(open_).limit(1)).first() is not None


def count_ended(conn: Connection) -> int:
    """Return how many effects have ended, in whatever way."""
    ended = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.ended_at.is_not(None))
    return conn.execute(ended).scalar_one()


# Nothing is left of how an effect ended before it was asked for again.
_REARMED: Mapping[str, Any] = {
    "reason": None,
    "retry_at": None,
    "remote_id": None,
    "ended_at": None,
    "settled_at": None,
}
_AGAIN: Mapping[str, Any] = {"state": "pending", **{name: null() for name in _REARMED}}
_NEW = insert(OUTBOX)
_REARM = _NEW.on_conflict_do_update(
    index_elements=[OUTBOX.c.key],
    set_={
        "revision": OUTBOX.c.revision + 1,
        "due_at": _NEW.excluded.due_at,
        "event_id": _NEW.excluded.event_id,
        # One in a worker's hand stays there: `settle` sees the new revision.
        "state": text(
            "case when outbox.state in ('leased', 'sending') then outbox.state else 'pending' end",
        ),
        "attempts": 0,
        **_REARMED,
    },
)


def _in_key_order(rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in one order for everybody, so that two writers cannot deadlock."""
    return [rows[key] for key in sorted(rows)]


def _row(effect: Effect) -> dict[str, Any]:
    skipped = effect.skip_reason is not None
    return {
        "key": effect.key,
        "channel": effect.channel,
        "kind": effect.kind,
        "shape": effect.shape,
        "account": effect.account,
        "livemode": effect.livemode,
        "customer_id": effect.customer_id,
        "subject": dict(effect.subject),
        "event_id": effect.event_id,
        "due_at": effect.due_at,
        "expires_at": effect.expires_at,
        "state": "skipped" if skipped else "pending",
        "reason": effect.skip_reason,
        "settled_at": effect.due_at if skipped else None,
    }


def _effect(row: Mapping[Any, Any]) -> Effect:
    return Effect(
        key=row["key"],
        channel=row["channel"],
        kind=row["kind"],
        account=row["account"],
        livemode=row["livemode"],
        customer_id=row["customer_id"],
        subject=row["subject"],
        event_id=row["event_id"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        shape=row["shape"],
    )


def _claimed(row: Mapping[Any, Any], lease: UUID) -> Claimed:
    return Claimed(
        effect=_effect(row), lease=lease, attempts=row["attempts"], revision=row["revision"]
    )


def _mine(claimed: Claimed) -> Any:
    return update(OUTBOX).where(
        OUTBOX.c.key == claimed.effect.key,
        OUTBOX.c.lease_token == claimed.lease,
    )


def _ending(claimed: Claimed, outcome: Outcome, now: datetime) -> dict[str, Any]:
    ended = {"ended_at": func.now(), "settled_at": now}
    match outcome:
        case Done(remote_id):
            state = "sent" if claimed.effect.channel == "mail" else "done"
            return {"state": state, "reason": None, "remote_id": remote_id, **ended}
        case Skipped(reason):
            return {"state": "skipped", "reason": reason, **ended}
        case RetryIn(delay_s, reason):
            retry_at = func.now() + timedelta(seconds=delay_s)
            return {"state": "pending", "reason": reason, "retry_at": retry_at}
        case Later(at, reason):
            waits = {"state": "pending", "reason": reason, "due_at": at}
            never = cast(null(), OUTBOX.c.retry_at.type)
            return {**waits, "retry_at": never, "attempts": OUTBOX.c.attempts - 1}
        case Failed(reason):
            return {"state": "failed", "reason": reason, **ended}
        case Unknown(reason):
            return {**_unclear(reason), **ended}


def _unclear(reason: str) -> dict[str, Any]:
    """Return the end of what may have left; the provider may have told meanwhile that it has."""
    has_left = func.num_nonnulls(OUTBOX.c.delivered_at, OUTBOX.c.bounced_at, OUTBOX.c.complained_at)
    return {
        "state": case((has_left > 0, "sent"), else_="unknown"),
        "reason": case((has_left > 0, null()), else_=reason),
    }
