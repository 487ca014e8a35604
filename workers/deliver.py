"""Effects out of the house: every sink's in a lane of its own, so that none waits for another.

A sink that hangs holds only its own lane: the others go on beside it, in threads, as long as it
takes. On a simulated clock the lanes take turns instead, always in the same order.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from app.doorbell import EFFECTS
from sync.store import sinks
from sync.store.outbox import Lane
from workers.context import Context, current
from workers.lane import Turn
from workers.senders import Senders, open_senders

_AT_MOST_S = 5.0
# While a sink hangs, the others get turns of this length, and are looked for so often.
_TURN_S, _LOOK_S = 1.0, 0.1
_HANDS = 8


def run() -> None:
    """Deliver what is due for some seconds, as an RQ job; ring again when more is left."""
    context = current()
    context.doorbell.answer(EFFECTS)
    if not deliver(context, at_most_s=_AT_MOST_S):
        context.doorbell.ring_effects()


def deliver(context: Context, *, at_most_s: float) -> bool:
    """Deliver until nothing is due (True) or the time is up (False).

    It returns later than that by as long as one call takes that was begun in time; meanwhile
    the lanes that do not hang are served all the same.
    """
    with open_senders(context) as senders:
        work = _Work(context, senders, time.monotonic() + at_most_s)
        simulated = context.settings.clock == "simulated"
        return work.in_turn() if simulated else work.side_by_side()


@dataclass(slots=True)
class _Work:
    """The lanes in hand, until `until` (monotonic)."""

    context: Context
    senders: Senders
    until: float
    _busy: dict[Future[bool], tuple[Lane, float]] = field(default_factory=dict)
    _overran: set[Lane] = field(default_factory=set)
    # Others have in hand what looked due there.
    _held: set[Lane] = field(default_factory=set)

    def in_turn(self) -> bool:
        """Serve one lane after the other."""
        while time.monotonic() < self.until:
            lanes = self._due()
            if not lanes:
                return True
            served = [self._turn(lane, self.until).run() for lane in lanes]
            if not any(served):
                return True
        return False

    def side_by_side(self) -> bool:
        """Serve each lane in a thread.

        One that overran its turn, or had nothing to be had, gets no other in this job.
        """
        with ThreadPoolExecutor(_HANDS, thread_name_prefix="lane") as pool:
            while True:
                lanes = self._due()
                if self._in_time or self._is_overrun:
                    self._begin(pool, lanes)
                if not self._busy:
                    return not set(lanes) - self._held
                self._finish(wait(self._busy, _LOOK_S, FIRST_COMPLETED).done)

    @property
    def _in_time(self) -> bool:
        return time.monotonic() < self.until

    @property
    def _is_overrun(self) -> bool:
        self._overran |= {lane for lane, until in self._busy.values() if until < time.monotonic()}
        return any(lane in self._overran for lane, _ in self._busy.values())

    def _due(self) -> list[Lane]:
        simulated = self.context.settings.clock == "simulated"
        now = self.context.clock.now()
        with self.context.engine.connect() as conn:
            return sinks.due(conn, now, simulated=simulated)

    def _begin(self, pool: ThreadPoolExecutor, lanes: list[Lane]) -> None:
        busy = {lane for lane, _ in self._busy.values()}
        until = max(self.until, time.monotonic() + _TURN_S)
        for lane in lanes:
            if lane not in busy | self._overran | self._held:
                turn = self._turn(lane, until)
                self._busy[pool.submit(turn.run)] = (lane, until)

    def _finish(self, done: set[Future[bool]]) -> None:
        for future in done:
            lane, until = self._busy.pop(future)
            if time.monotonic() > until + _TURN_S:
                self._overran.add(lane)
            if not future.result():
                self._held.add(lane)

    def _turn(self, lane: Lane, until: float) -> Turn:
        return Turn(self.context, lane, self.senders.to(lane), until)
