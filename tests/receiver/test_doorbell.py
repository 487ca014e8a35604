"""The bell: rung once for many, never in the way, and silent for a while after an outage."""

import json
import socket
import time
from collections.abc import Iterator

import pytest
import redis
from rq import Queue

from app.doorbell import (
    _FAILURE_TTL_S,
    _HELD_S,
    _RETRY_AFTER_S,
    DELIVER,
    DRAIN,
    EFFECTS,
    EVENTS,
    Doorbell,
    connect,
)
from app.local.ports import LOOPBACK, free_port

AT_MOST_S = 0.3


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        yield client


def jobs(client: redis.Redis, queue: str) -> list[tuple[str | None, tuple[int, ...]]]:
    waiting = Queue(queue, connection=client, serializer="json").jobs
    return [(job.func_name, tuple(job.args)) for job in waiting]


def test_many_rings_are_one_job(client: redis.Redis) -> None:
    bell = Doorbell(client)

    assert all(bell.ring_events(0) for _ in range(5))

    assert jobs(client, EVENTS) == [(DRAIN, (0,))]


def test_lanes_and_effects_have_bells_of_their_own(client: redis.Redis) -> None:
    bell = Doorbell(client)
    bell.ring_events(0)
    bell.ring_events(1)
    bell.ring_effects()

    assert jobs(client, EVENTS) == [(DRAIN, (0,)), (DRAIN, (1,))]
    assert jobs(client, EFFECTS) == [(DELIVER, ())]


def test_what_comes_after_the_answer_rings_anew(client: redis.Redis) -> None:
    bell = Doorbell(client)
    bell.ring_events(0)
    bell.answer(f"{EVENTS}:0")
    bell.ring_events(0)

    assert len(jobs(client, EVENTS)) == 2


def test_a_ring_that_was_lost_holds_others_off_for_seconds_only(client: redis.Redis) -> None:
    """A worker that dies between bell and work leaves the flag; it must end by itself."""
    Doorbell(client).ring_events(0)
    client.delete(f"rq:queue:{EVENTS}")

    [flag] = client.keys("*doorbell*")
    assert 0 < client.ttl(flag) <= _HELD_S


def test_a_job_that_cannot_be_queued_takes_its_flag_with_it(client: redis.Redis) -> None:
    client.set(f"rq:queue:{EVENTS}", "not a list")

    assert not Doorbell(client).ring_events(0)

    assert client.keys("*doorbell*") == []


def test_jobs_hold_ids_only_and_end_by_themselves(client: redis.Redis) -> None:
    Doorbell(client).ring_events(3)

    [job] = Queue(EVENTS, connection=client, serializer="json").jobs
    assert json.loads(job.data) == [DRAIN, None, [3], {}]
    assert (job.result_ttl, job.timeout) == (0, 60)
    assert job.failure_ttl == _FAILURE_TTL_S


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"redis://{LOOPBACK}:{server.getsockname()[1]}/0"


@pytest.fixture
def full_house() -> Iterator[str]:
    """A server that does not even take connections: its queue is full."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen(0)
        address = server.getsockname()
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(address)
        yield f"redis://{LOOPBACK}:{address[1]}/0"
        for other in others:
            other.close()


@pytest.mark.parametrize("kind", ["refused", "black_hole", "full_house"])
def test_redis_that_does_not_answer_costs_little_and_only_once(
    kind: str, request: pytest.FixtureRequest
) -> None:
    refused = f"redis://{LOOPBACK}:{free_port()}/0"
    url = refused if kind == "refused" else request.getfixturevalue(kind)
    with connect(url) as client:
        bell = Doorbell(client)
        begun = time.monotonic()
        first = bell.ring_events(0)
        first_s = time.monotonic() - begun
        others = [bell.ring_events(0) for _ in range(1000)]

    assert not first
    assert not any(others)
    assert first_s < AT_MOST_S
    assert time.monotonic() - begun < first_s + 0.1


def test_it_rings_again_when_redis_is_back(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.set(f"rq:queue:{EVENTS}", "in the way")
    bell = Doorbell(client)
    assert not bell.ring_events(0)
    client.delete(f"rq:queue:{EVENTS}")
    assert not bell.ring_events(0), "it does not ask again at once"

    later = time.monotonic() + _RETRY_AFTER_S
    monkeypatch.setattr("app.pause.time.monotonic", lambda: later)

    assert bell.ring_events(0)
