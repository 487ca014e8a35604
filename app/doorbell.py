"""The doorbell: tells a worker that there is work, and is never the work itself.

Redis may be down, frozen or wiped: ringing is best effort and bounded in time. A ring that
is lost is made good by the clock's sweep, since the work itself lies in PostgreSQL.
"""

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

from app.pause import Pause

log = structlog.get_logger(__name__)

# Jobs are named by dotted path: this side must not import what it wakes.
DRAIN = "workers.drain.run"
DELIVER = "workers.deliver.run"
READ = "workers.reads.run"
EVENTS = "events"
EFFECTS = "effects"
READS = "reads"

_HELD_S = 10  # bounds how long a worker that died between bell and work keeps others out
# Stripe may be slow, and nobody waits for what is read from it. A sink that hangs holds only
# itself; a mail server may take its time-out at every step of a conversation.
_JOB_TIMEOUT_S = {EVENTS: 60, EFFECTS: 180, READS: 600}
_FAILURE_TTL_S = 3 * 24 * 3600
_RETRY_AFTER_S = 5.0


def connect(url: str, *, timeout_s: float = 0.25) -> redis.Redis:
    """Return a client that has not connected yet, and that gives up after `timeout_s`.

    redis-py retries ten times by default, which would make an outage of Redis ours. Heroku's
    TLS certificates are self-signed by design, so `rediss://` is encrypted but not verified;
    nothing but ids travels there.
    """
    tls = {"ssl_cert_reqs": "none"} if url.startswith("rediss://") else {}
    client: redis.Redis = redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
    return client


class Doorbell:
    """Rings for events in a lane, for effects that are due, for what is to be read from Stripe."""

    def __init__(self, client: redis.Redis) -> None:
        """Ring through `client`; nothing is sent yet."""
        self._client = client
        self._queues = {
            name: Queue(name, connection=client, serializer="json")
            for name in (EVENTS, EFFECTS, READS)
        }
        self._pause = Pause(_RETRY_AFTER_S)

    def ring_events(self, lane: int) -> bool:
        """Wake a worker for the events of `lane`; False when Redis could not be reached."""
        return self._ring(EVENTS, f"{EVENTS}:{lane}", DRAIN, lane)

    def ring_effects(self) -> bool:
        """Wake a worker for the effects that are due; False when Redis could not be reached."""
        return self._ring(EFFECTS, EFFECTS, DELIVER)

    def ring_reads(self) -> bool:
        """Wake the worker that reads from Stripe; False when Redis could not be reached."""
        return self._ring(READS, READS, READ)

    def answer(self, bell: str) -> None:
        """Take the ring away, before looking for work: what comes later rings anew."""
        try:
            self._client.delete(_flag(bell))
        except redis.RedisError as error:
            log.warning("doorbell.not_answered", bell=bell, error=type(error).__name__)

    def _ring(self, queue: str, bell: str, job: str, *args: int) -> bool:
        if self._pause.is_on:
            return False
        try:
            if self._client.set(_flag(bell), 1, nx=True, ex=_HELD_S):
                self._enqueue(queue, bell, job, *args)
        except redis.RedisError as error:
            self._pause.begin()
            log.warning("doorbell.not_rung", bell=bell, error=type(error).__name__)
            return False
        return True

    def _enqueue(self, queue: str, bell: str, job: str, *args: int) -> None:
        try:
            self._queues[queue].enqueue(
                job,
                *args,
                job_timeout=_JOB_TIMEOUT_S[queue],
                result_ttl=0,
                failure_ttl=_FAILURE_TTL_S,
                description=bell,
            )
        except redis.RedisError:
            # The flag must not keep others silent for a job that is not there.
            self._client.delete(_flag(bell))
            raise


def _flag(bell: str) -> str:
    return f"evergreen:doorbell:{bell}"
