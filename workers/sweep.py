"""The second net: what a lost ring, a dead worker or an absent Redis left lying."""

import time
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from sync.store import attempts, inbox, outbox, refetch, sinks
from workers import deliver, drain, reads
from workers.context import Context

log = structlog.get_logger(__name__)

_RING_AFTER_S = 5.0
# A ring that nobody answers for so long is no use: the work is done here.
_DO_IT_AFTER_S = 20.0
_AT_MOST_S = 5.0
_UPKEEP_EVERY_S = 30.0
_FORGET_EVERY_S = 600.0


@dataclass(slots=True)
class Sweep:
    """Looks for forgotten work; remembers for how long effects have been waiting."""

    context: Context
    _effects_wait_since: float | None = field(default=None)
    _next_upkeep_s: float = field(default=0.0)
    _next_forget_s: float = field(default=0.0)

    def sweep(self, now: datetime) -> None:
        """Ring for what waits, do what has waited too long; `now` is business time."""
        with self.context.engine.begin() as conn:
            inbox.bury_crashers(conn)
            unclear = outbox.give_up_unclear(conn, now)
            ring = inbox.waiting_lanes(conn, self._lanes, older_than_s=_RING_AFTER_S)
            overdue = inbox.waiting_lanes(conn, self._lanes, older_than_s=_DO_IT_AFTER_S)
            effects = bool(sinks.due(conn, now, simulated=self._simulated))
            wishes = self._reads_too and refetch.waiting(conn)
        if unclear:
            log.warning("effect.unclear", count=unclear)
        self._events(ring, overdue)
        self._effects(waiting=effects)
        self._read(wishes=wishes)
        self._forget()

    @property
    def _reads_too(self) -> bool:
        return self.context.settings.stripe_api_key is not None

    @property
    def _simulated(self) -> bool:
        return self.context.settings.clock == "simulated"

    @property
    def _lanes(self) -> int:
        return self.context.settings.lanes

    def _events(self, ring: list[int], overdue: list[int]) -> None:
        for lane in ring:
            rung = self.context.doorbell.ring_events(lane)
            if not rung or lane in overdue:
                log.warning("sweep.drained", lane=lane, rung=rung)
                drain.drain(self.context, lane, at_most_s=_AT_MOST_S)

    def _read(self, *, wishes: bool) -> None:
        """Wake who reads from Stripe: for what is wished for, and now and then for its upkeep."""
        upkeep = self._reads_too and time.monotonic() >= self._next_upkeep_s
        if upkeep:
            self._next_upkeep_s = time.monotonic() + _UPKEEP_EVERY_S
        if (wishes or upkeep) and not self.context.doorbell.ring_reads():
            reads.work(self.context, at_most_s=_AT_MOST_S)

    def _forget(self) -> None:
        """Let go of what is kept for a time only, some of it at each look."""
        if time.monotonic() >= self._next_forget_s:
            with self.context.engine.begin() as conn:
                left = attempts.forget_old(conn)
            self._next_forget_s = time.monotonic() + (0 if left else _FORGET_EVERY_S)

    def _effects(self, *, waiting: bool) -> None:
        if not waiting:
            self._effects_wait_since = None
            return
        self._effects_wait_since = self._effects_wait_since or time.monotonic()
        waited_s = time.monotonic() - self._effects_wait_since
        rung = self.context.doorbell.ring_effects()
        if waited_s > _DO_IT_AFTER_S or (not rung and waited_s > _RING_AFTER_S):
            log.warning("sweep.delivered", rung=rung)
            deliver.deliver(self.context, at_most_s=_AT_MOST_S)
