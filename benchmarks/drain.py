"""The drain alone: events a second from the inbox into the mirror, against the all-SQL floor."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import psycopg
from sqlalchemy import Connection

from app.envelope import delivery
from app.settings import Settings
from benchmarks import events, floor, memory
from benchmarks.figures import Bar, Figure
from benchmarks.service import service
from benchmarks.stage import Stage, empty
from sync.errors import Unavailable
from sync.store import inbox
from sync.store.engine import make_engine
from workers.context import Context, build
from workers.drain import drain

_AT_MOST_S = 120.0
_KEEP = """
CREATE TABLE public.kept AS SELECT seq, event_id, account, type, object_id, created, api_version,
    livemode, slot, payload FROM evergreen.inbox ORDER BY seq;
ALTER TABLE public.kept ALTER COLUMN payload SET STORAGE EXTERNAL
"""
_REFILL = """
INSERT INTO evergreen.inbox (event_id, account, type, object_id, created, api_version, livemode,
    slot, payload)
SELECT event_id, account, type, object_id, created, api_version, livemode, slot, payload
FROM public.kept ORDER BY seq
"""
_DONE = "SELECT count(*) FROM evergreen.inbox WHERE state = 'done'"


def measure(stage: Stage) -> Iterator[Figure]:
    """Drain the same filled inbox in turns: without effects, with effects, and all in SQL.

    In this process, with the settings and the batches of the worker; effects are planned and
    recorded, not delivered. The SQL statement takes the same batches; given all events at once
    it writes each object only once, which no drain that commits as it goes can. Of each side
    the best round counts.
    """
    count = stage.scale.drain_events
    with _inbox(stage, count) as (context, conn):
        silent = replace(context, settings=replace(context.settings, effect_accounts=frozenset()))
        ways: Sequence[Callable[[], object]] = (
            partial(drain, silent, 0, at_most_s=_AT_MOST_S),
            partial(drain, context, 0, at_most_s=_AT_MOST_S),
            partial(floor.run, conn, inbox.BATCH),
            partial(floor.run, conn, count),
        )
        rounds = [
            [_rate(conn, context, way, count) for way in ways] for _ in range(stage.scale.rounds)
        ]
    mirror, effects, batches, whole = (max(column) for column in zip(*rounds, strict=True))
    bar = Bar("at least", 0.6, of="ratio")
    versus = f"all-SQL in the same batches ({batches:,.0f}/s)"
    yield Figure("drain alone, events per second", mirror, "/s", bar, batches, versus)
    yield Figure("... with effects planned", effects, "/s", None, batches, versus)
    versus = f"all-SQL, all at once ({whole:,.0f}/s)"
    yield Figure("... against one unbounded statement", mirror, "/s", None, whole, versus)
    yield from _memory(stage, count)


def _memory(stage: Stage, count: int) -> Iterator[Figure]:
    """Return what the worker holds once it found so many events waiting and drained them.

    Nobody rings: the clock's sweep finds them.
    """
    with service(stage) as running, psycopg.connect(running.database_url, autocommit=True) as conn:
        engine = make_engine(running.database_url)
        with engine.begin() as filling:
            _fill(filling, count)
        engine.dispose()
        running.wait_until_done(conn)
        yield from memory.figures(running.group, "worker")


@contextmanager
def _inbox(stage: Stage, count: int) -> Iterator[tuple[Context, psycopg.Connection]]:
    """Yield a worker's context, and a connection to its database that keeps so many events."""
    with stage.database() as database_url:
        context = build(Settings.from_environ(stage.environ(database_url)))
        try:
            with context.engine.begin() as filling:
                _fill(filling, count)
            with psycopg.connect(database_url, autocommit=True) as conn:
                conn.execute(_KEEP)
                floor.create(conn)
                yield context, conn
        finally:
            context.engine.dispose()


def _fill(conn: Connection, count: int) -> None:
    for body in events.history(count):
        inbox.store(conn, delivery(body, None))


def _rate(
    conn: psycopg.Connection, context: Context, way: Callable[[], object], count: int
) -> float:
    """Return the events per second of `way`, from a full inbox and an empty mirror."""
    empty(context.settings.database_url)
    floor.empty(conn)
    conn.execute(_REFILL)
    conn.execute("ANALYZE evergreen.inbox")
    conn.execute("CHECKPOINT")
    began = time.perf_counter()
    way()
    took_s = time.perf_counter() - began
    if conn.execute(_DONE).fetchone() != (count,):
        raise Unavailable("not every event was drained")
    return count / took_s
