"""What is asked of Stripe now and then: missed events, a rolling check, a sweep after a gap."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from app.envelope import delivery
from sync.errors import EvergreenError
from sync.mirror import backfill, held
from sync.mirror.backfill import Backfill
from sync.mirror.catch_up import CatchUp, Step
from sync.mirror.client import StripeReads
from sync.mirror.parts import alone, parts_of, unfinished
from sync.mirror.probe import probe
from sync.mirror.reconcile import Reconcile
from sync.mirror.sampling import sample
from sync.store import progress
from workers.context import Context
from workers.planning import intake_of, plan_crm, plan_records

log = structlog.get_logger(__name__)

TASK = "upkeep"
_SWEEP = "sweep"
_EVERY = {"catch_up": timedelta(minutes=5), "sample": timedelta(minutes=10)}
_GAP_AGAIN = timedelta(days=1)
_SAMPLE_READS = 20


@dataclass(frozen=True, slots=True)
class Upkeep:
    """One worker's share of it: until `until_s` (monotonic), each step committed by itself."""

    context: Context
    reads: StripeReads
    until_s: float

    def run(self) -> bool:
        """Do what is due, and tell whether the time was enough for it.

        What Stripe refuses now has its turn again later.
        """
        for account in self._accounts():
            for name, work in (("catch_up", self._catch_up), ("sample", self._sample)):
                if self._time_is_up():
                    return False
                if self._is_turn(name, account):
                    self._try(name, partial(work, account))
        self._try(_SWEEP, self._sweep_on)
        return not self._time_is_up()

    def _accounts(self) -> list[str]:
        """Return whose events come in: those that we serve, and those that are only mirrored."""
        with self.context.engine.connect() as conn:
            mirrored = held.accounts(conn)
        return sorted(self.context.settings.effect_accounts | mirrored)

    def _try(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except EvergreenError as error:
            log.warning("upkeep.put_off", part=name, error=str(error))

    def _is_turn(self, name: str, account: str) -> bool:
        part = f"{account}:{name}" if account else name
        with self.context.engine.begin() as conn:
            return progress.take_turn(conn, TASK, part, _EVERY[name])

    def _catch_up(self, account: str) -> None:
        envelope = partial(delivery, livemode=self.context.settings.livemode)
        engine = self.context.engine
        run = CatchUp(engine=engine, reads=self.reads, envelope=envelope, account=account)
        for step in run.steps(self.context.clock.now()):
            self._follow_step(step)
            if self._time_is_up():
                return

    def _follow_step(self, step: Step) -> None:
        """Wake who mirrors what was missed; after too long a gap, walk all objects."""
        if step.missed:
            for lane in range(self.context.settings.lanes):
                self.context.doorbell.ring_events(lane)
        if step.gap == "too_old":
            self._begin_sweep(step.account)

    def _begin_sweep(self, account: str) -> None:
        """Note that all objects are to be walked, unless a person's walk is under way.

        Once a day at most: the gap is told again for as long as its events cannot be read.
        """
        with alone(self.context.engine, backfill.TASK), self.context.engine.begin() as conn:
            if progress.take_turn(conn, TASK, f"{account}:gap", _GAP_AGAIN):
                backfill.begin(conn, parts_of((), [account]), None)
                progress.begin(conn, TASK, [_SWEEP])

    def _sample(self, account: str) -> None:
        intake = intake_of(self.context, plan_records)
        check = Reconcile(engine=self.context.engine, reads=self.reads, intake=intake)
        for drift in sample(check, account, reads=_SAMPLE_READS):
            log.info("mirror.sampled", object=drift.object, checked=drift.checked)
        self.context.doorbell.ring_effects()

    def _sweep_on(self) -> None:
        """Go on with the walk that a gap began."""
        with self.context.engine.connect() as conn:
            begun = {each.part: each for each in progress.parts(conn, TASK)}.get(_SWEEP)
            left = unfinished(conn, backfill.TASK)
        if begun is None or begun.finished_at or self._time_is_up():
            return
        intake = intake_of(self.context, plan_crm)
        with alone(self.context.engine, backfill.TASK):
            for account in {part.account for part in left}:
                probe(self.context.engine, self.reads, account)
            run = Backfill(engine=self.context.engine, reads=self.reads, intake=intake)
            for step in run.steps(left):
                if step.refused:
                    log.warning("sweep.refused", object=step.part.object, error=step.refused)
                if self._time_is_up():
                    return
        with self.context.engine.begin() as conn:
            progress.finish(conn, TASK, _SWEEP)

    def _time_is_up(self) -> bool:
        return time.monotonic() >= self.until_s
