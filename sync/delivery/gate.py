"""What every call to a sink passes: its quota, then its breaker."""

import time
from dataclasses import dataclass

import redis

from sync.delivery.breaker import Admission, Breaker
from sync.delivery.limiter import Limiter
from sync.delivery.policy import Policy

BREAKER_OPEN, RATE_LIMITED, NO_TIME_LEFT = "breaker_open", "rate_limited", "no_time_left"


class NoAnswer(Exception):
    """There is no answer; `reason` is a slug, `delay_s` how long to wait at least."""

    def __init__(self, reason: str, delay_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason, self.delay_s = reason, delay_s


class Held(NoAnswer):
    """No call was made, as no call to this sink may be made for `delay_s`."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave for one call."""

    breaker: Breaker
    admission: Admission

    def ended(self, *, ok: bool) -> None:
        """Tell how the call ended; `ok` is any answer of a side that is alive and not busy."""
        self.breaker.report(self.admission, ok=ok)


class Gate:
    """One provider's gate, the same for all processes that use the same `name`."""

    def __init__(self, client: redis.Redis, name: str, policy: Policy) -> None:
        """Nothing connects before the first call."""
        self.name = name
        self._breaker = Breaker(client, name)
        calls = policy.calls_per_window
        self._limiter = (
            Limiter(client, name, calls=calls, window_s=policy.window_s) if calls else None
        )

    def enter(self, *, patience_s: float = 0.0) -> Pass:
        """Return leave for one call; wait for the quota at most `patience_s`.

        Raises:
            Held: the quota is used up for longer, or the breaker is open.
        """
        until = time.monotonic() + patience_s
        while self._limiter and (wait_s := self._limiter.take()):
            if time.monotonic() + wait_s > until:
                raise Held(RATE_LIMITED, wait_s)
            time.sleep(wait_s)
        admission = self._breaker.admit()
        if admission.wait_s:
            raise Held(BREAKER_OPEN, admission.wait_s)
        return Pass(self._breaker, admission)
