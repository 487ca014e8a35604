"""What time brings: scans of the mirror, the sweep, and the walk of a simulated clock."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from notifications import scans
from sync import access, clock
from sync.crm import looking
from sync.errors import LeaseLost
from sync.inventory import nightly
from sync.store import inbox, outbox
from workers import deliver, drain
from workers.context import Context
from workers.sweep import Sweep

log = structlog.get_logger(__name__)

_SCAN_EVERY_S = 60.0
_SWEEP_EVERY_S = 2.0
_POLL_S = 0.01
_RECONNECT_S = 2.0
_AT_MOST_S = 5.0
_LOOK_S = 0.006
# Of a simulated clock. A scan looks further ahead than this (`notifications.kind.LOOK_AHEAD`),
# so between two ticks every instant at which a mail is due is known and stopped at.
TICK = timedelta(hours=24)
_LEADER = text("SELECT pg_try_advisory_lock(hashtext('evergreen.clock'), 0)")


def run(context: Context, stop: threading.Event) -> None:
    """Tick until `stop`; of several clock processes only one ticks, and another takes over."""
    while not stop.is_set():
        try:
            with _leadership(context) as leader:
                _tick_while_leading(context, stop, leader)
        except (SQLAlchemyError, LeaseLost) as error:
            log.warning("clock.interrupted", error=type(error).__name__)
        stop.wait(_RECONNECT_S)


@contextmanager
def _leadership(context: Context) -> Iterator[Connection | None]:
    """Hold the session lock that makes this process the clock; None when another holds it."""
    at_once = context.engine.execution_options(isolation_level="AUTOCOMMIT")
    with at_once.connect() as conn:
        try:
            yield conn if conn.execute(_LEADER).scalar() else None
        finally:
            # The lock ends with the session, so the session must not go back to the pool.
            conn.invalidate()


def _tick_while_leading(context: Context, stop: threading.Event, leader: Connection | None) -> None:
    if leader is None:
        return
    sweep, next_sweep, next_scan = Sweep(context), 0.0, 0.0
    while not stop.is_set():
        if context.settings.clock == "simulated" and _is_sent_on(leader):
            walk(context, stop)
        if time.monotonic() >= next_sweep:
            leader.execute(text("SELECT 1"))  # raises when the session, and so the lock, is gone
            sweep.sweep(context.clock.now())
            next_sweep = time.monotonic() + _SWEEP_EVERY_S
        if time.monotonic() >= next_scan:
            scan(context, context.clock.now())
            next_scan = time.monotonic() + _SCAN_EVERY_S
        stop.wait(_POLL_S if context.settings.clock == "simulated" else _SWEEP_EVERY_S)


def _is_sent_on(conn: Connection) -> bool:
    """Tell whether somebody asked the simulated clock to walk on."""
    reading = clock.reading(conn)
    return reading is not None and not reading.arrived


def scan(context: Context, now: datetime) -> int:
    """Record what time has brought by `now`; return how many effects are new."""
    with context.engine.begin() as conn:
        found = _scan(conn, context, now)
    if found:
        context.doorbell.ring_effects()
    return found


def _scan(conn: Connection, context: Context, now: datetime) -> int:
    told = access.scan(conn, now, context.settings.access)
    told += looking.scan(conn, now, context.settings.crm)
    outbox.add(conn, told)
    settings = context.settings
    found = len(told) + scans.scan(conn, now, settings.mail_policy)
    if settings.inventory:
        # Last, since shelves are locked from there to the end, and sales wait for them. Nothing
        # is lost in a simulated life, and its nights are many.
        real = settings.clock == "real"
        found += nightly.scan(conn, now, settings.stock.policy, nightly=real)
    return found


def walk(context: Context, stop: threading.Event) -> None:
    """Walk the simulated clock to its target: stop by stop, each finished before the next.

    The stops are every instant at which an effect falls due, and a scan at least once a day;
    so each effect runs in due order with now() at its own instant.
    """
    with context.engine.connect() as conn:
        reading = clock.reading(conn)
    if reading is None or reading.arrived:
        return
    now_at, target_at, crew = reading.now_at, reading.target_at, Crew(context, stop)
    crew.finish_everything(now_at)
    scan(context, now_at)
    while now_at < target_at and not stop.is_set():
        now_at, anything_due = _one_step(context, now_at, target_at)
        if anything_due:
            crew.finish_everything(now_at)


def _one_step(context: Context, now_at: datetime, target_at: datetime) -> tuple[datetime, bool]:
    """Move to the next stop and scan there; tell whether there is anything to do at it."""
    with context.engine.begin() as conn:
        due_at = outbox.next_due(conn, target_at)
        to = min(target_at, now_at + TICK, max(due_at or target_at, now_at))
        clock.step(conn, to)
        _scan(conn, context, to)
        return to, due_at == to or inbox.busy(conn) or outbox.busy(conn, to)


@dataclass(slots=True)
class Crew:
    """The workers, as long as they answer: with them at work, this process only waits."""

    context: Context
    stop: threading.Event
    patience_s: float = 0.25

    def finish_everything(self, now: datetime) -> None:
        """Return when nothing is left to do at `now`, or at `stop`.

        Workers that are up have been rung and are faster at it. When they do not finish in
        time, all is done here from then on; what is in another's hand is waited for until its
        lease ends, and what may have been sent by then is `unknown`. Work that waits to be
        retried is not waited for.
        """
        if self._busy(now) and self.context.doorbell.ring_effects():
            until = time.monotonic() + self.patience_s
            while time.monotonic() < until and self._busy(now):
                self.stop.wait(_LOOK_S)
        while not self.stop.is_set() and self._busy(now):
            self.patience_s = 0.0
            self._do_it_here(now)
            self.stop.wait(_LOOK_S)

    def _do_it_here(self, now: datetime) -> None:
        for lane in range(self.context.settings.lanes):
            drain.drain(self.context, lane, at_most_s=_AT_MOST_S)
        deliver.deliver(self.context, at_most_s=_AT_MOST_S)
        with self.context.engine.begin() as conn:
            outbox.give_up_unclear(conn, now)

    def _busy(self, now: datetime) -> bool:
        at_once = self.context.engine.execution_options(isolation_level="AUTOCOMMIT")
        with at_once.connect() as conn:
            return inbox.busy(conn) or outbox.busy(conn, now)
