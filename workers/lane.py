"""One lane's turn: claim a batch of one sink's effects, hand it over, record how each ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from rq.timeouts import JobTimeoutException
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from sync.changes import Outcome, RetryIn, Unknown
from sync.delivery.patience import KEY_EXPIRED, Verdict, is_too_late, verdict
from sync.delivery.policy import AT_HOME, DEADLINE_S, LEASE_S, Policy
from sync.delivery.trail import Call, is_time_up, listening
from sync.errors import LeaseLost
from sync.store import attempts, outbox, sinks
from sync.store.attempts import Attempt
from sync.store.outbox import Claimed, Lane
from workers.context import Context

log = structlog.get_logger(__name__)

Deliver = Callable[[Sequence[Claimed], datetime], Sequence[Outcome]]


def _nobody_knows(claimed: Claimed) -> Outcome | None:
    del claimed
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """The way to one sink: `deliver` takes at most `at_once` effects, and returns as many ends.

    `resolve` asks the other side what became of one; None where it cannot say.
    """

    deliver: Deliver
    policy: Policy = AT_HOME
    at_once: int = 1
    resolve: Callable[[Claimed], Outcome | None] = _nobody_knows


@dataclass(slots=True)
class _Ended:
    """How some effects ended, with the calls that it took."""

    verdicts: list[tuple[Claimed, Verdict]] = field(default_factory=list)
    calls: Sequence[Call] = ()
    ms: int = 0
    broke: bool = False

    @property
    def rest(self) -> RetryIn | None:
        """Return the longest rest that the sink needs, None when it may go on."""
        ends = [each.outcome for _, each in self.verdicts]
        rests = [end for end in ends if isinstance(end, RetryIn) and end.scope == "sink"]
        return max(rests, key=lambda end: end.delay_s, default=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """A lane in one worker's hand until `until` (monotonic)."""

    context: Context
    lane: Lane
    sender: Sender
    until: float

    def run(self) -> bool:
        """Deliver batch after batch until nothing is due, the time is up or the sink must rest.

        Tells whether there was anything: what others hold just now looks due and cannot be had.
        """
        served = False
        while time.monotonic() < self.until:
            now = self.context.clock.now()
            claimed = self._claim(now)
            if not claimed:
                return served
            served = True
            if not self._serve(claimed, now):
                break
        return True

    def batch(self) -> bool:
        """Take one batch through; tell whether there was one and the sink can go on."""
        now = self.context.clock.now()
        claimed = self._claim(now)
        return bool(claimed) and self._serve(claimed, now)

    def _serve(self, claimed: Sequence[Claimed], now: datetime) -> bool:
        """Take a batch through, as far as the time goes; tell whether to go on."""
        at_once = self.sender.at_once
        pieces = [claimed[i : i + at_once] for i in range(0, len(claimed), at_once)]
        for place, piece in enumerate(pieces):
            if time.monotonic() >= self.until:
                self._release(pieces[place:])
                return False
            if rest := self._deliver(piece, now).rest:
                self._release(pieces[place + 1 :])
                self._rest(rest, now)
                return False
        return True

    def _claim(self, now: datetime) -> list[Claimed]:
        with self.context.engine.begin() as conn:
            return outbox.claim(
                conn,
                now,
                lane=self.lane,
                limit=self.sender.policy.batch,
                lease_s=LEASE_S,
                simulated=self._simulated,
            )

    def _release(self, pieces: Sequence[Sequence[Claimed]]) -> None:
        with self.context.engine.begin() as conn:
            for claimed in sorted((each for piece in pieces for each in piece), key=_in_order):
                outbox.release(conn, claimed)

    def _deliver(self, piece: Sequence[Claimed], now: datetime) -> _Ended:
        """Deliver some effects together, and record how each ended."""
        late = [each for each in piece if is_too_late(each, self.sender.policy, _real())]
        fresh = [each for each in piece if each not in late]
        ended = self._hand_over(fresh, now) if fresh else _Ended()
        for each in late:
            outcome = self.sender.resolve(each) or Unknown(KEY_EXPIRED)
            ended.verdicts.append((each, Verdict(outcome, may_have_left=True)))
        self._record(ended, now)
        return ended

    def _hand_over(self, piece: Sequence[Claimed], now: datetime) -> _Ended:
        policy, began, ended = self.sender.policy, time.monotonic(), _Ended()
        if policy.key_lives is not None:
            with self.context.engine.begin() as conn:
                outbox.note_sent(conn, [each for each in piece if each.effect.shape == "once"])
        with listening(DEADLINE_S) as ended.calls:
            outcomes = self._outcomes(piece, now, ended)
        ended.ms = int((time.monotonic() - began) * 1000)
        at, keyed = _real(), policy.key_lives is not None
        left = keyed and any(call.may_have_left for call in ended.calls)
        ended.verdicts = [
            (each, verdict(each, outcome, policy, at, left=left))
            for each, outcome in zip(piece, outcomes, strict=bool(outcomes))
        ]
        return ended

    def _outcomes(
        self, piece: Sequence[Claimed], now: datetime, ended: _Ended
    ) -> Sequence[Outcome]:
        try:
            return _as_many(self.sender.deliver(piece, now), piece)
        except LeaseLost:
            log.warning("effect.lease_lost", channel=self.lane.channel, sink=self.lane.sink)
            return []
        except JobTimeoutException:
            raise
        except Exception as error:
            log.exception("effect.broke", channel=self.lane.channel, sink=self.lane.sink)
            if len(piece) > 1 and _is_an_effects_fault(error) and not is_time_up():
                # One that nobody can deliver must not keep the others of its batch back.
                return [end for each in piece for end in self._outcomes([each], now, ended)]
            ended.broke = True
            reason = f"error_{type(error).__name__.strip('_').lower()}"
            keyed = self.sender.policy.key_lives is not None
            return [Unknown(reason) if keyed else RetryIn(0, reason) for _ in piece]

    def _record(self, ended: _Ended, now: datetime) -> None:
        settle = outbox.settle_broken if ended.broke else outbox.settle
        with self.context.engine.begin() as conn:
            for claimed, found in sorted(ended.verdicts, key=lambda pair: _in_order(pair[0])):
                kept = settle(
                    conn,
                    claimed,
                    found.outcome,
                    now,
                    retry_in_business_time=self._simulated,
                    may_have_left=found.may_have_left,
                )
                if not kept:
                    outbox.wish_again(conn, claimed)
                _tell(claimed, found.outcome, kept=kept)
            attempts.record(conn, _worth_noting(ended))

    def _rest(self, rest: RetryIn, now: datetime) -> None:
        """Let the sink rest: in real time for all processes, or on the simulated clock."""
        log.warning(
            "sink.paused",
            channel=self.lane.channel,
            sink=self.lane.sink,
            reason=rest.reason,
            delay_s=rest.delay_s,
        )
        with self.context.engine.begin() as conn:
            if self._simulated:
                sinks.put_off(conn, self.lane, now, rest.delay_s, rest.reason)
            else:
                sinks.pause(conn, self.lane, rest.delay_s, rest.reason)

    @property
    def _simulated(self) -> bool:
        return self.context.settings.clock == "simulated"


def _is_an_effects_fault(error: Exception) -> bool:
    """Tell what may be about one effect from a world that is out of order, and from our bug."""
    return not isinstance(error, (OperationalError, InterfaceError, NoConnection, _Miscounted))


class _Miscounted(ValueError):
    """The sink returned more or fewer outcomes than it got effects."""


def _as_many(outcomes: Sequence[Outcome], piece: Sequence[Claimed]) -> Sequence[Outcome]:
    if len(outcomes) != len(piece):
        raise _Miscounted("a sink returns one outcome per effect")
    return outcomes


def _in_order(claimed: Claimed) -> tuple[str, str]:
    """Return the order in which `outbox.add` locks rows too, so that nobody waits in a circle."""
    return claimed.effect.shape, claimed.effect.key


def _real() -> datetime:
    return datetime.now(UTC)


def _worth_noting(ended: _Ended) -> list[Attempt]:
    """Return all that made calls; of what stayed at home, only what did not simply go well."""
    return [
        Attempt(claimed=claimed, outcome=found.outcome, ms=ended.ms, calls=ended.calls)
        for claimed, found in ended.verdicts
        if ended.calls or isinstance(found.outcome, RetryIn | Unknown)
    ]


def _tell(claimed: Claimed, outcome: Outcome, *, kept: bool) -> None:
    reason = getattr(outcome, "reason", None)
    ended = type(outcome).__name__.lower()
    log.info("effect.settled", kind=claimed.effect.kind, outcome=ended, reason=reason, kept=kept)
