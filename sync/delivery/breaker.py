"""A sink that keeps failing is left alone for a while, by all our processes together.

Five failures on end open the breaker for a minute. Then one call goes through as a probe:
when it succeeds the breaker closes, else it stays open for twice as long, up to 15 minutes.
All of it lies in Redis. Without Redis, or after it was wiped, the breaker is simply closed:
deliveries then wait by the schedule of each effect alone.
"""

from dataclasses import dataclass

import redis
import structlog

log = structlog.get_logger(__name__)

# ms until the next try; 0: go. -1: go as the probe, and nobody else until it has reported.
_ADMIT = """
local until_ms = tonumber(redis.call('HGET', KEYS[1], 'until_ms') or '0')
if until_ms == 0 then return 0 end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
if now_ms < until_ms then return until_ms - now_ms end
redis.call('HSET', KEYS[1], 'until_ms', now_ms + tonumber(ARGV[1]))
return -1
"""
# Only the probe may report to an open breaker: a call that was under way when it opened says
# nothing new. ARGV: probe, most failures, open ms, longest ms. Returns for how long it opens.
_FAILED = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local is_open = redis.call('HEXISTS', KEYS[1], 'until_ms') == 1
if is_open and ARGV[1] == '0' then return 0 end
local for_ms = tonumber(ARGV[3])
if is_open then
    for_ms = math.min(2 * tonumber(redis.call('HGET', KEYS[1], 'for_ms')), tonumber(ARGV[4]))
elseif redis.call('HINCRBY', KEYS[1], 'failures', 1) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], 4 * tonumber(ARGV[4]))
    return 0
end
redis.call('HSET', KEYS[1], 'until_ms', now_ms + for_ms, 'for_ms', for_ms)
redis.call('PEXPIRE', KEYS[1], 4 * tonumber(ARGV[4]))
return for_ms
"""
_SUCCEEDED = """
if redis.call('HEXISTS', KEYS[1], 'until_ms') == 1 and ARGV[1] == '0' then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a breaker opens, and for how long."""

    failures: int = 5
    open_s: float = 60.0
    longest_s: float = 900.0
    # A probe that has not reported by then has died.
    probe_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may be made: at once when `wait_s` is 0, and perhaps as the probe."""

    wait_s: float = 0.0
    is_probe: bool = False


_PLAIN = Terms()


class Breaker:
    """One sink's breaker; nothing connects before it is asked."""

    def __init__(self, client: redis.Redis, name: str, terms: Terms = _PLAIN) -> None:
        """Share the breaker with everybody who says the same `name`."""
        self._name, self._terms = name, terms
        self._keys = [f"evergreen:breaker:{name}"]
        self._admit = client.register_script(_ADMIT)
        self._failed = client.register_script(_FAILED)
        self._succeeded = client.register_script(_SUCCEEDED)

    def admit(self) -> Admission:
        """Tell whether a call may be made now; who is admitted reports how it ended."""
        try:
            wait_ms = int(self._admit(self._keys, [_ms(self._terms.probe_s)]))
        except redis.RedisError as error:
            log.warning("breaker.alone", sink=self._name, error=type(error).__name__)
            return Admission()
        return Admission(max(wait_ms, 0) / 1000, is_probe=wait_ms < 0)

    def report(self, admission: Admission, *, ok: bool) -> None:
        """Tell how the admitted call ended; `ok` also when the other side refused it properly."""
        probe, terms = int(admission.is_probe), self._terms
        numbers = [probe, terms.failures, _ms(terms.open_s), _ms(terms.longest_s)]
        try:
            opened_ms = 0 if ok else int(self._failed(self._keys, numbers))
            if ok:
                self._succeeded(self._keys, [probe])
        except redis.RedisError as error:
            log.warning("breaker.alone", sink=self._name, error=type(error).__name__)
            return
        if opened_ms:
            log.warning("breaker.opened", sink=self._name, for_s=opened_ms / 1000)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
