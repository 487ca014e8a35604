"""The whole service as the Procfile starts it: web, worker and clock on a database of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import redis

from app.doorbell import EFFECTS, EVENTS
from benchmarks.stage import Group, Stage, procfile
from sync.errors import Unavailable

_READY_S = 30.0
_POLL_S = 0.005
_STUCK_S = 60.0
_LOOK_EVERY_S = 0.1
_UNDER_WAY = """
SELECT FROM evergreen.outbox WHERE state IN ('pending', 'leased', 'sending')
    AND due_at <= now() AND retry_at IS NULL LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Service:
    """Where the service answers, and the database behind it."""

    group: Group
    database_url: str

    def wait_until_done(self, conn: psycopg.Connection) -> None:
        """Return once no event is pending; raises `Unavailable` when that takes a minute."""
        until = time.monotonic() + _STUCK_S
        while _pending(conn):
            if time.monotonic() > until:
                raise Unavailable(f"events are still pending after {_STUCK_S:.0f} s")
            time.sleep(_POLL_S)

    def wait_until_quiet(self, conn: psycopg.Connection) -> None:
        """Return once no effect is on its way either, lest it burdens what is measured next."""
        until = time.monotonic() + _STUCK_S
        while conn.execute(_UNDER_WAY).rowcount and time.monotonic() < until:
            time.sleep(_LOOK_EVERY_S)


@contextmanager
def service(stage: Stage) -> Iterator[Service]:
    """Run the service for as long as the block lasts; it is ready when that begins."""
    with stage.database() as database_url:
        environ = stage.environ(database_url)
        with stage.serving(procfile("web", "worker", "clock"), environ) as group:
            _wait_for_workers(stage, group)
            yield Service(group, database_url)


def _wait_for_workers(stage: Stage, group: Group) -> None:
    until = time.monotonic() + _READY_S
    with redis.Redis.from_url(stage.servers.redis_url) as client:
        while not all(client.scard(f"rq:workers:{queue}") for queue in (EVENTS, EFFECTS)):
            if death := group.processes.death():
                raise Unavailable(str(death))
            if time.monotonic() > until:
                raise Unavailable("the workers do not come up")
            time.sleep(_POLL_S)


def _pending(conn: psycopg.Connection) -> bool:
    found = conn.execute("SELECT FROM evergreen.inbox WHERE state = 'pending' LIMIT 1")
    return found.rowcount > 0
