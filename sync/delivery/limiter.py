"""A provider's quota, kept by all our processes together.

The window lies in Redis, since the quota is one for all workers. Redis may be down or wiped:
then each process keeps a pace of its own, a quarter of the quota, so that deliveries go on and
some processes side by side still stay within it.
"""

import threading
import time

import redis
import structlog
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

log = structlog.get_logger(__name__)

# As many processes as are assumed to speak to one provider while none can see the others.
_HANDS_ALONE = 4
_LEAST_WAIT_S = 0.02


class Limiter:
    """At most `calls` in any `window_s` seconds, whoever calls. Source: `limits`, sliding window.

    The library's window is an estimate: the worst one seen held 2 % more, which the tenth that
    a `Policy` leaves of the provider's quota covers.
    """

    def __init__(self, client: redis.Redis, name: str, *, calls: int, window_s: int) -> None:
        """Share the quota with everybody who says the same `name`; nothing connects yet."""
        storage = RedisStorage(
            "redis://", connection_pool=client.connection_pool, key_prefix="evergreen:limit"
        )
        self._shared = SlidingWindowCounterRateLimiter(storage)
        self._quota = RateLimitItemPerSecond(calls, window_s)
        self._name, self._window_s = name, window_s
        self._alone = _Pace(_HANDS_ALONE * window_s / calls)

    def take(self) -> float:
        """Take a call and return 0.0, or take none and return after how many seconds to ask."""
        try:
            if self._shared.hit(self._quota, self._name):
                return 0.0
            reset_at = self._shared.get_window_stats(self._quota, self._name).reset_time
        except redis.RedisError as error:
            log.warning("limiter.alone", sink=self._name, error=type(error).__name__)
            return self._alone.take()
        return min(max(reset_at - time.time(), _LEAST_WAIT_S), self._window_s)


class _Pace:
    """One call every `step_s` seconds within this process, by however many threads."""

    def __init__(self, step_s: float) -> None:
        self._step_s, self._next_s = step_s, 0.0
        self._lock = threading.Lock()

    def take(self) -> float:
        """Return 0.0 when it is time for a call, else the seconds until then."""
        with self._lock:
            wait_s = self._next_s - time.monotonic()
            if wait_s > 0:
                return wait_s
            self._next_s = time.monotonic() + self._step_s
            return 0.0
