"""PostgreSQL decides about the answer, Redis does not; both may be down or stand frozen."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import requests
from sqlalchemy.engine import make_url

from app.local.ports import LOOPBACK, free_port
from app.local.servers import Servers, local_servers
from sync.store.engine import make_engine
from sync.store.migrate import upgrade
from tests.receiver.stripe_side import Door, encoded, event, open_door

pytestmark = pytest.mark.processes
STORED, AWAY = (200, {"status": "stored"}), (503, {"error": "unavailable"})
DEADLINE_S = 9.0
BACK_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def servers(state: Path) -> Iterator[Servers]:
    """Servers that nobody else uses, to freeze; the module's state folder is held already."""
    with local_servers(state / "servers", durable=False) as servers:
        engine = make_engine(servers.database_url)
        upgrade(engine)
        engine.dispose()
        yield servers


@pytest.fixture(scope="module")
def door(state: Path, servers: Servers) -> Iterator[Door]:
    with open_door(state, servers.database_url, servers.redis_url) as door:
        yield door


@contextmanager
def frozen(state: Path, name: str) -> Iterator[None]:
    """Stop a server and its children where they are."""
    record = (state / "servers" / "processes" / f"{name}.record").read_text()
    leader = psutil.Process(int(record.split()[1]))
    pids = [leader.pid, *(child.pid for child in leader.children(recursive=True))]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def delivered(door: Door) -> tuple[tuple[int, dict[str, str]], float]:
    """Return the answer to a new event and how long it took."""
    begun = time.monotonic()
    return door.deliver(encoded(event())), time.monotonic() - begun


def wait_until_stored(door: Door) -> None:
    until = time.monotonic() + BACK_WITHIN_S
    while delivered(door)[0] != STORED:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_frozen_redis(door: Door, state: Path) -> None:
    with frozen(state, "valkey"):
        answers = [delivered(door) for _ in range(5)]

    assert [answer for answer, _ in answers] == [STORED] * 5
    assert max(took_s for _, took_s in answers) < 1.0


def test_redis_that_is_down(servers: Servers, state: Path) -> None:
    nowhere = f"redis://{LOOPBACK}:{free_port()}/0"
    with open_door(state / "no-redis", servers.database_url, nowhere) as door:
        answers = [delivered(door) for _ in range(5)]
        ready = requests.get(f"http://{LOOPBACK}:{door.port}/readyz", timeout=10)

    assert [answer for answer, _ in answers] == [STORED] * 5
    assert max(took_s for _, took_s in answers) < 1.0
    assert (ready.status_code, ready.json()["redis"]) == (503, "unreachable")


def test_frozen_database(door: Door, state: Path) -> None:
    wait_until_stored(door)
    with frozen(state, "postgresql"):
        first, first_s = delivered(door)
        second, second_s = delivered(door)
        ready = requests.get(f"http://{LOOPBACK}:{door.port}/readyz", timeout=20)
        begun = time.monotonic()
        alive = door.healthy()
        alive_s = time.monotonic() - begun

    assert (first, second) == (AWAY, AWAY)
    assert first_s < DEADLINE_S
    assert second_s < 1.0, "nobody waits for what was just waited for in vain"
    assert (ready.status_code, ready.json()["database"]) == (503, "unreachable")
    assert alive
    assert alive_s < 1.0
    wait_until_stored(door)


def test_frozen_database_with_many_at_the_door(door: Door, state: Path) -> None:
    wait_until_stored(door)
    with frozen(state, "postgresql"), ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: delivered(door), range(16)))

    assert {answer[0] for answer, _ in answers} == {503}
    assert max(took_s for _, took_s in answers) < DEADLINE_S, "one after the other, none waits"
    wait_until_stored(door)


@contextmanager
def closed(database_url: str) -> Iterator[None]:
    """Let nobody into the database, as when it is down or moves."""
    url = make_url(database_url)
    admin = url.set(database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false")
        try:
            query = (
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE datname = %s"
            )
            conn.execute(query, [url.database])
            yield
        finally:
            conn.execute(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true")


def test_database_that_is_down(door: Door, servers: Servers) -> None:
    wait_until_stored(door)
    body = encoded(event())
    with closed(servers.database_url):
        answers = [delivered(door) for _ in range(3)]
        refused = door.deliver(body)

    assert {answer[0] for answer, _ in answers} == {503}
    assert max(took_s for _, took_s in answers) < 1.0
    assert refused == AWAY
    wait_until_stored(door)
    assert door.deliver(body) == STORED, "what was refused comes again and is taken"


def test_sessions_that_were_cut_are_replaced_unnoticed(door: Door, servers: Servers) -> None:
    wait_until_stored(door)
    with closed(servers.database_url):
        pass

    assert delivered(door)[0] == STORED


def test_locked_inbox(door: Door, servers: Servers) -> None:
    wait_until_stored(door)
    with psycopg.connect(servers.database_url) as conn:
        conn.execute("LOCK TABLE evergreen.inbox IN ACCESS EXCLUSIVE MODE")
        answer, took_s = delivered(door)

    assert answer == AWAY
    assert took_s < DEADLINE_S
    wait_until_stored(door)


def test_the_answer_to_an_outage_says_when_to_come_back_and_the_log_why(
    door: Door, servers: Servers
) -> None:
    body = encoded(event(extra="canary4711"))
    header = {"Stripe-Signature": "t=1"}
    with closed(servers.database_url):
        assert requests.post(door.url, data=body, headers=header, timeout=10).status_code == 400
        delivered(door)
        _, (status, answer) = door.deliver(body), door.deliver(body)

    assert (status, answer) == AWAY
    assert '"event": "webhook.not_stored"' in door.logged()
    assert "canary4711" not in door.logged()
    assert str(make_url(servers.database_url).password) not in door.logged()
