"""Events into the mirror: claim, fold, record what follows, mark done."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from rq.timeouts import JobTimeoutException
from sqlalchemy import Connection, text
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from app.doorbell import EVENTS
from notifications import planning as notifications
from sync.changes import Change, Effect
from sync.crm import planning as crm
from sync.errors import LeaseLost, Malformed
from sync.inventory import planning as inventory
from sync.mirror import events as mirrored_events
from sync.mirror.apply import apply
from sync.mirror.events import Event
from sync.store import inbox, outbox
from workers.context import Context, current

log = structlog.get_logger(__name__)

Claim = Callable[..., inbox.Batch]

_AT_MOST_S = 5.0
# What this transaction does can be done again from the inbox, and whatever follows from it is
# committed after it: so nobody need wait here until the disk has it.
_NO_WAIT = "set_config('synchronous_commit', 'off', true)"
_LANE_LOCK = text(f"SELECT pg_advisory_xact_lock(hashtext('evergreen.lane'), :lane), {_NO_WAIT}")


def run(lane: int) -> None:
    """Drain `lane` for a few seconds, as an RQ job; ring again when more is left."""
    context = current()
    context.doorbell.answer(f"{EVENTS}:{lane}")
    if not drain(context, lane, at_most_s=_AT_MOST_S):
        context.doorbell.ring_events(lane)


def drain(context: Context, lane: int, *, at_most_s: float) -> bool:
    """Work on `lane` until it is empty (True) or the time is up (False)."""
    until = time.monotonic() + at_most_s
    while time.monotonic() < until:
        if not drain_batch(context, lane) + drain_batch(context, lane, claim=inbox.claim_tried):
            return True
    return False


def drain_batch(context: Context, lane: int, *, claim: Claim = inbox.claim) -> int:
    """Take one batch through; return how many events it held."""
    with context.engine.begin() as conn:
        batch = claim(conn, lane=lane, lanes=context.settings.lanes)
    if batch.rows:
        try:
            _together_or_one_by_one(context, lane, batch)
        except DBAPIError as error:
            log.warning("batch.given_back", events=len(batch.rows), error=type(error).__name__)
            with context.engine.begin() as conn:
                inbox.release(conn, batch.lease)
            raise
    return len(batch.rows)


def _together_or_one_by_one(context: Context, lane: int, batch: inbox.Batch) -> None:
    try:
        _work(context, lane, batch)
    except Exception as error:
        if not _is_the_events_fault(error):
            raise
        log.warning("batch.split", events=len(batch.rows), error=type(error).__name__)
        _one_by_one(context, lane, batch)


def _is_the_events_fault(error: Exception) -> bool:
    """Tell poison from a world that is out of order: then the same work is done again later.

    PostgreSQL's class 54 (a limit of the server, such as a value too long for an index) comes
    as an operational error but is about the data. A hang counts as a crash: see the lease.
    """
    if isinstance(error, OperationalError):
        return str(getattr(error.orig, "sqlstate", None) or "").startswith("54")
    return not isinstance(error, (InterfaceError, LeaseLost, JobTimeoutException))


def _work(context: Context, lane: int, batch: inbox.Batch) -> None:
    """Mirror, effects and the done mark, in one transaction."""
    now = context.clock.now()
    usable, unusable = _read(batch.rows, context.settings.livemode)
    with context.engine.begin() as conn:
        conn.execute(_LANE_LOCK, {"lane": lane})
        changes = apply(conn, list(usable.values()))
        effects = plan(context, changes, now)
        outbox.add(conn, effects)
        _park(conn, batch, unusable)
        inbox.finish(conn, batch.lease, list(usable))
    if any(effect.due_at <= now and effect.skip_reason is None for effect in effects):
        context.doorbell.ring_effects()


def plan(context: Context, changes: Sequence[Change], now: datetime) -> list[Effect]:
    """Return what shall follow from `changes`, for the accounts that get effects."""
    settings = context.settings
    ours = [change for change in changes if change.account in settings.effect_accounts]
    return [
        *notifications.plan(ours, settings.mail_policy),
        *crm.plan(ours, now, settings.crm),
        *(inventory.plan(ours, now) if settings.inventory else ()),
    ]


def _read(
    rows: Sequence[inbox.Claimed], livemode: bool | None
) -> tuple[dict[int, Event], dict[int, str]]:
    """Return the usable events and the reasons why others are not, both by inbox row.

    The mode is asked again here: a parked event of the other mode may be replayed by hand.
    """
    usable: dict[int, Event] = {}
    unusable: dict[int, str] = {}
    for row in rows:
        try:
            event = mirrored_events.parse(row.payload)
        except Malformed as reason:
            unusable[row.seq] = str(reason)
            continue
        if livemode in {None, event.livemode}:
            usable[row.seq] = event
        else:
            unusable[row.seq] = "wrong_livemode"
    return usable, unusable


def _park(conn: Connection, batch: inbox.Batch, unusable: dict[int, str]) -> None:
    for seq, reason in unusable.items():
        inbox.park(conn, batch.lease, seq, reason)
        log.warning("event.parked", seq=seq, reason=reason)


def _one_by_one(context: Context, lane: int, batch: inbox.Batch) -> None:
    for row in batch.rows:
        try:
            _work(context, lane, inbox.Batch(batch.lease, (row,)))
        except Exception as error:
            if not _is_the_events_fault(error):
                raise
            _set_aside(context, batch, row, error)


def _set_aside(context: Context, batch: inbox.Batch, row: inbox.Claimed, error: Exception) -> None:
    """Park what can never work (PostgreSQL refuses the data); schedule the rest again."""
    reason = type(error).__name__
    with context.engine.begin() as conn:
        if isinstance(error, DataError):
            inbox.park(conn, batch.lease, row.seq, reason)
        else:
            inbox.fail(conn, batch.lease, row, reason)
    log.error("event.failed", event_id=row.event_id, attempts=row.attempts, exc_info=error)
