"""The outbox: every effect that shall leave the house, its state and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Connection,
    Integer,
    and_,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    true,
    update,
)

from sync.changes import Done, Effect, Failed, Later, Outcome, RetryIn, Skipped, Unknown
from sync.store.outbox_asking import REARMED, add
from sync.store.outbox_table import MESSAGE, OPEN, OUTBOX, STATES

__all__ = ["MESSAGE", "OUTBOX", "STATES", "add"]

# A mail server may take its time-out at every step of a conversation.
SENDING_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An effect in this worker's hand until `lease` runs out."""

    effect: Effect
    lease: UUID
    attempts: int
    revision: int
    # Of what the sink holds by now; None when that is not known, so that a call is needed.
    sent_hash: str | None = None
    # When a sink that knows our key may first have taken it, real time.
    first_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """The effects of one sink of one channel: they wait, and go, apart from all others."""

    channel: str
    sink: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An effect on record, how it stands, and as which variant of an experiment it went."""

    effect: Effect
    state: str
    variant: str | None


def claim(
    conn: Connection,
    now: datetime,
    *,
    lane: Lane | None = None,
    limit: int = 20,
    lease_s: float = 60,
    simulated: bool = False,
) -> list[Claimed]:
    """Take up to `limit` effects due at `now` for `lease_s` seconds, oldest first.

    Who vanished with a `state` in hand may still be sending an older one: what is taken over
    from there is written once more afterwards.
    """
    due = select(OUTBOX.c.key).where(claimable(now, simulated=simulated))
    if lane:
        due = due.where(OUTBOX.c.channel == lane.channel, OUTBOX.c.sink == lane.sink)
    due = due.order_by(OUTBOX.c.due_at, OUTBOX.c.key).limit(limit)
    lease = uuid4()
    taken = (
        update(OUTBOX)
        .where(OUTBOX.c.key.in_(due.with_for_update(skip_locked=True)))
        .values(
            state="leased",
            lease_token=lease,
            lease_until=func.now() + timedelta(seconds=lease_s),
            attempts=OUTBOX.c.attempts + 1,
            wished_at=None,
            hold_until=None,
            confirm=and_(OUTBOX.c.state == "leased", OUTBOX.c.shape == "state"),
        )
        .returning(OUTBOX)
    )
    rows = conn.execute(taken).mappings().all()
    claimed = [_claimed(row, lease) for row in rows]
    return sorted(claimed, key=lambda c: (c.effect.due_at, c.effect.key))


def claimable(now: datetime, *, simulated: bool = False) -> Any:
    """Return the condition for effects due at `now` that nobody holds and no wait delays.

    On a simulated clock nothing is held back for more of a burst: its time stands still.
    """
    pending = [
        OUTBOX.c.state == "pending",
        or_(OUTBOX.c.retry_at.is_(None), OUTBOX.c.retry_at <= func.now()),
    ]
    if not simulated:
        held_no_more = or_(OUTBOX.c.hold_until.is_(None), OUTBOX.c.hold_until <= func.now())
        pending.append(held_no_more)
    abandoned = and_(OUTBOX.c.state == "leased", OUTBOX.c.lease_until < func.now())
    return and_(OUTBOX.c.state.in_(OPEN), OUTBOX.c.due_at <= now, or_(and_(*pending), abandoned))


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


def note_sent(conn: Connection, batch: Sequence[Claimed]) -> None:
    """Say, before a sink that knows our keys gets `batch`, that it may have taken it by then."""
    mine = update(OUTBOX).where(
        OUTBOX.c.key.in_([each.effect.key for each in batch]),
        OUTBOX.c.lease_token.in_({each.lease for each in batch}),
    )
    conn.execute(mine.values(first_sent_at=func.coalesce(OUTBOX.c.first_sent_at, func.now())))


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
    may_have_left: bool = False,
) -> bool:
    """Record how `claimed` ended; False when somebody else holds it by now.

    `now` is business time. What was asked for again meanwhile is pending again, whatever the
    end: one statement decides, so that no request slips in between. A retry waits in real
    time, or, `retry_in_business_time`, until the simulated clock has walked so far. A retry
    that `may_have_left` keeps the time from which on the sink's memory of its key counts. A
    write that confirms another is a request of its own, so it counts as one.
    """
    ending = _ending(claimed, outcome, now)
    if retry_in_business_time and isinstance(outcome, RetryIn):
        del ending["retry_at"]
        ending["due_at"] = now + timedelta(seconds=outcome.delay_s)
    if isinstance(outcome, RetryIn | Failed | Skipped) and not may_have_left:
        ending["first_sent_at"] = claimed.first_sent_at
    # What is tried again reads the newest state by itself.
    again = false() if isinstance(outcome, RetryIn) else _asked_again(claimed)
    values = {
        name: case((again, _AGAIN.get(name, OUTBOX.c[name])), else_=value)
        for name, value in ending.items()
    }
    done_with = {
        "lease_token": None,
        "confirm": False,
        "sent_hash": _held(outcome),
        "revision": OUTBOX.c.revision + cast(OUTBOX.c.confirm, Integer),
    }
    return conn.execute(_mine(claimed).values(**done_with, **values)).rowcount == 1


def wish_again(conn: Connection, claimed: Claimed) -> None:
    """Ask for one more write of a `state` whose lease was lost while it was being sent.

    What was sent may have come in after what its new holder has sent.
    """
    in_hand = OUTBOX.c.state.in_(("leased", "sending"))
    written = update(OUTBOX).where(OUTBOX.c.key == claimed.effect.key, OUTBOX.c.shape == "state")
    values = {name: case((in_hand, OUTBOX.c[name]), else_=value) for name, value in _AGAIN.items()}
    conn.execute(
        written.values(
            revision=OUTBOX.c.revision + 1,
            confirm=case((in_hand, true()), else_=false()),
            sent_hash=None,
            **values,
        ),
    )


def release(conn: Connection, claimed: Claimed) -> None:
    """Give back untouched what there was no time for."""
    untouched = {"state": "pending", "lease_token": None, "attempts": _UNCOUNTED}
    conn.execute(_mine(claimed).where(OUTBOX.c.state == "leased").values(**untouched))


def settle_broken(
    conn: Connection,
    claimed: Claimed,
    outcome: Outcome,
    now: datetime,
    *,
    retry_in_business_time: bool = False,
    may_have_left: bool = False,
) -> bool:
    """Record the end of an effect whose handler broke.

    What may already have left is `unknown`, whatever `outcome` says; the rest ends as it says.
    """
    left = _mine(claimed).where(OUTBOX.c.state == "sending")
    unclear = _ending(claimed, Unknown("handler_broke"), now)
    if conn.execute(left.values(lease_token=None, **unclear)).rowcount:
        return True
    return settle(
        conn,
        claimed,
        outcome,
        now,
        retry_in_business_time=retry_in_business_time,
        may_have_left=may_have_left,
    )


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
    open_ = and_(OUTBOX.c.state.in_(OPEN), OUTBOX.c.due_at <= now, OUTBOX.c.retry_at.is_(None))
    return conn.execute(select(OUTBOX.c.key).where(open_).limit(1)).first() is not None


def count_ended(conn: Connection) -> int:
    """Return how many effects have ended, in whatever way."""
    ended = select(func.count()).select_from(OUTBOX).where(OUTBOX.c.ended_at.is_not(None))
    return conn.execute(ended).scalar_one()


_AGAIN: Mapping[str, Any] = {"state": "pending", **{name: null() for name in REARMED}}
_UNCOUNTED = func.greatest(OUTBOX.c.attempts - 1, 0)


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
        effect=_effect(row),
        lease=lease,
        attempts=row["attempts"],
        revision=row["revision"],
        # Of what was taken over nobody knows what the sink holds.
        sent_hash=None if row["confirm"] else row["sent_hash"],
        first_sent_at=row["first_sent_at"],
    )


def _asked_again(claimed: Claimed) -> Any:
    return or_(OUTBOX.c.revision > claimed.revision, OUTBOX.c.confirm)


def _held(outcome: Outcome) -> Any:
    """Return the hash of what the sink holds after `outcome`; of what is to be confirmed none."""
    match outcome:
        case Later():
            return OUTBOX.c.sent_hash
        case Done(sent_hash=str(known)):
            return case((OUTBOX.c.confirm, null()), else_=known)
        case _:
            return null()


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
        case RetryIn(delay_s, reason, scope):
            retry_at = func.now() + timedelta(seconds=delay_s)
            counted = {"attempts": _UNCOUNTED} if scope == "sink" else {}
            return {"state": "pending", "reason": reason, "retry_at": retry_at, **counted}
        case Later(at, reason):
            waits = {"state": "pending", "reason": reason, "due_at": at}
            never = cast(null(), OUTBOX.c.retry_at.type)
            return {**waits, "retry_at": never, "attempts": _UNCOUNTED}
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
