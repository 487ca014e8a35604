"""Events into the mirror: claim, fold, record what follows, mark done."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from rq.timeouts import JobTimeoutException
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from app.doorbell import EVENTS
from app.settings import Settings
from notifications import dunning, phases
from sync import history
from sync.errors import LeaseLost, Malformed
from sync.mirror import events as mirrored_events
from sync.mirror import unsettled
from sync.mirror.apply import Applied, apply
from sync.mirror.events import Event, ThinEvent
from sync.store import inbox, lanes, outbox, refetch
from workers.context import Context, current
from workers.planning import plan

log = structlog.get_logger(__name__)

Claim = Callable[..., inbox.Batch]

_AT_MOST_S = 5.0


def run(lane: int) -> None:
    """Drain `lane` for a few seconds, as an RQ job; ring again when more is left."""
    context = current()
    context.doorbell.answer(f"{EVENTS}:{lane}")
    if not drain(context, lane, at_most_s=_AT_MOST_S):
        context.doorbell.ring_events(lane)


def drain(context: Context, lane: int, *, at_most_s: float) -> bool:
    """Work on `lane` until it is empty (True) or the time is up (False).

    What was tried before comes when nothing fresh is there, and once at the end in any case.
    """
    until = time.monotonic() + at_most_s
    while time.monotonic() < until:
        if not drain_batch(context, lane) and not _drain_tried(context, lane):
            return True
    _drain_tried(context, lane)
    return False


def _drain_tried(context: Context, lane: int) -> int:
    return drain_batch(context, lane, claim=inbox.claim_tried)


def drain_batch(context: Context, lane: int, *, claim: Claim = inbox.claim) -> int:
    """Take one batch through; return how many events it held."""
    with context.engine.begin() as conn:
        batch = claim(conn, lane=lane, lanes=context.settings.lanes)
    if batch.rows:
        try:
            with _without_collector():
                _together_or_one_by_one(context, lane, batch)
        except DBAPIError as error:
            log.warning("batch.given_back", events=len(batch.rows), error=type(error).__name__)
            with context.engine.begin() as conn:
                inbox.release(conn, batch.lease)
            raise
    return len(batch.rows)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python's collector out: parsed JSON has no cycles, yet it walks it over and over."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
    """Mirror, history, wishes to read, effects and the done mark, in one transaction."""
    now = context.clock.now()
    sorted_out = sort_out(batch.rows, context.settings)
    with context.engine.begin() as conn:
        lanes.hold(conn, lane)
        shown = list(sorted_out.shown.values())
        applied = apply(conn, shown)
        history.record(conn, shown)
        history.rederive(conn, applied.changes)
        wishes = _wishes(conn, context, applied, list(sorted_out.thin.values()))
        refetch.ask(conn, wishes)
        effects = plan(context, conn, applied.changes, now, events=shown)
        outbox.add(conn, effects)
        _park(conn, batch, sorted_out.unusable)
        inbox.finish(conn, batch.lease, [*sorted_out.shown, *sorted_out.thin])
    if any(effect.due_at <= now and effect.skip_reason is None for effect in effects):
        context.doorbell.ring_effects()
    if wishes:
        context.doorbell.ring_reads()


def _wishes(
    conn: Connection, context: Context, applied: Applied, thin: Sequence[ThinEvent]
) -> list[refetch.Wish]:
    """Return what to read from Stripe because of a batch; nothing where there is no key."""
    if context.settings.stripe_api_key is None:
        return []
    twins = [event.snapshot_event for event in thin if event.snapshot_event]
    known = inbox.known(conn, twins) if twins else frozenset()
    untold = [event for event in thin if event.snapshot_event not in known]
    return [
        *dunning.wishes(applied.changes, context.settings.mail_policy),
        *phases.wishes(conn, applied.changes, context.settings.mail_policy),
        *unsettled.wishes(applied.winners),
        *map(unsettled.wish_of, untold),
    ]


@dataclass(frozen=True, slots=True)
class SortedOut:
    """A batch by what its events are; each by inbox row."""

    shown: dict[int, Event] = field(default_factory=dict)
    thin: dict[int, ThinEvent] = field(default_factory=dict)
    unusable: dict[int, str] = field(default_factory=dict)


def sort_out(rows: Sequence[inbox.Claimed], settings: Settings) -> SortedOut:
    """Tell events that show their object from thin ones, and from those of no use.

    The mode is asked again here: a parked event of the other mode may be replayed by hand.
    """
    found = SortedOut()
    for row in rows:
        try:
            event = mirrored_events.parse(row.payload)
        except Malformed as reason:
            found.unusable[row.seq] = str(reason)
            continue
        if settings.livemode not in {None, event.livemode}:
            found.unusable[row.seq] = "wrong_livemode"
        elif isinstance(event, Event):
            found.shown[row.seq] = event
        elif settings.stripe_api_key is None:
            found.unusable[row.seq] = "thin_event_needs_api_key"
        else:
            found.thin[row.seq] = event
    return found


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
