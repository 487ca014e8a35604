"""A burst of events through the whole service: how many a second are mirrored, how fast the ack.

The bar comes from measuring mirrors that others use on the same machine: the fastest did 940
events a second, and so did a naive probe of one transaction per event inside the request. They
cannot be run here, the probe can: what counts is the ratio to it, in turns, in the same run.
"""

import sys
import time
from collections.abc import Iterator

import psycopg

from benchmarks import events, load, memory, naive
from benchmarks.figures import Bar, Figure, percentile
from benchmarks.service import Service, service
from benchmarks.stage import Stage, empty
from sync.errors import Unavailable

_CONNECTIONS = 8
_FASTEST_PEER = 940


def measure(stage: Stage) -> Iterator[Figure]:
    """Send a shop's events, nearly in order, over 8 connections, to the probe and to us.

    A round ends when the last event is marked as done, and of each side the best one counts.
    Acks are timed by the sender. Memory is what the processes hold after the last round.
    """
    bodies = events.history(stage.scale.burst_events)
    ours: list[tuple[float, load.Seen]] = []
    probe: list[float] = []
    with service(stage) as running, naive.probe(stage) as probed:
        for _ in range(stage.scale.rounds):
            probe.append(_through_probe(probed, bodies))
            ours.append(_through_us(running, bodies))
        held = list(memory.figures(running.group))
    rate, seen = max(ours, key=lambda each: each[0])
    yield Figure(
        "events mirrored per second, 8 connections",
        rate,
        "/s",
        Bar("at least", 2, of="ratio"),
        compared=max(probe),
        versus=f"a naive probe ({max(probe):,.0f}/s)",
    )
    yield Figure(
        "... against the fastest peer as once measured",
        rate,
        "/s",
        compared=_FASTEST_PEER,
        versus=f"{_FASTEST_PEER}/s",
    )
    yield Figure("ack under that load, p50", percentile(seen.latencies_ms, 0.5), "ms")
    yield Figure(
        "ack under that load, p99", percentile(seen.latencies_ms, 0.99), "ms", Bar("at most", 10.5)
    )
    yield from held


def _through_probe(probed: naive.Probe, bodies: list[bytes]) -> float:
    """Return the events per second that the probe took: mirrored with the answer."""
    probed.empty()
    seen = _send(probed.port, bodies)
    return len(bodies) / seen.took_s


def _through_us(running: Service, bodies: list[bytes]) -> tuple[float, load.Seen]:
    """Return the events per second from the first POST to the last done mark, and the acks."""
    with psycopg.connect(running.database_url, autocommit=True) as conn:
        empty(running.database_url)
        seen = _send(running.group.port, bodies)
        lag_from = time.time()
        running.wait_until_done(conn)
        done_at = time.time()
        done = conn.execute("SELECT count(*) FROM evergreen.inbox WHERE state = 'done'").fetchone()
        running.wait_until_quiet(conn)
    if done != (len(bodies),):
        raise Unavailable(f"{done} of {len(bodies)} events are done")
    rate = len(bodies) / (done_at - seen.began_at)
    accepted = len(bodies) / seen.took_s
    print(
        f"  accepted {accepted:,.0f}/s, mirrored {rate:,.0f}/s, lag {done_at - lag_from:.2f} s",
        file=sys.stderr,
    )
    return rate, seen


def _send(port: int, bodies: list[bytes]) -> load.Seen:
    seen = load.run(port, _CONNECTIONS, events.requests(bodies))
    if seen.not_ok:
        raise Unavailable(f"{seen.not_ok} events were refused")
    return seen
