"""The embedded servers: usable, closed to others, gone when their starter is gone."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.local.ports import is_free
from app.local.servers import Servers, local_servers
from sync.errors import Unavailable

SERVE = Path(__file__).with_name("serve.py")


def ports(servers: Servers) -> list[int]:
    urls = (servers.database_url, servers.redis_url)
    return [int(url.rsplit(":", 1)[1].split("/")[0]) for url in urls]


def runs(pid: int) -> bool:
    """Whether a process runs; one that ended may wait for a parent that never asks."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids(state: Path) -> list[int]:
    records = (state / "processes").glob("*.record")
    return [int(record.read_text().splitlines()[1]) for record in records]


def run_on(state: Path) -> list[str]:
    """Return the command lines that name the state folder, whoever started them."""
    lines = [" ".join(found.info["cmdline"] or ()) for found in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(state) in line and str(SERVE) not in line]


def remember(servers: Servers, word: str) -> None:
    with psycopg.connect(servers.database_url) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        conn.execute("INSERT INTO kept VALUES (%s)", [word])


def remembered(servers: Servers) -> list[str]:
    with psycopg.connect(servers.database_url) as conn:
        return [row[0] for row in conn.execute("SELECT word FROM kept ORDER BY word")]


@contextmanager
def starter(state: Path, *, wait: bool = True) -> Iterator[tuple["subprocess.Popen[str]", Servers]]:
    """Run the servers in another process, as `evergreen run` would; `wait` until they serve."""
    with subprocess.Popen(
        [sys.executable, SERVE, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        urls = [process.stdout.readline().strip() if wait else "" for _ in range(2)]
        yield process, Servers(*urls)
        process.kill()


def test_both_servers_serve_and_leave_nothing_behind(state: Path) -> None:
    with local_servers(state) as servers:
        remember(servers, "leaf")
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("key", "value")
        held = pids(state)
        busy = [port for port in ports(servers) if not is_free(port)]

    assert busy == ports(servers)
    assert len(held) == 2
    assert not any(map(runs, held))
    assert all(map(is_free, busy))
    assert pids(state) == []


def test_rows_survive_a_restart_and_queues_do_not(state: Path) -> None:
    with local_servers(state) as servers:
        remember(servers, "leaf")
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("key", "value")

    with local_servers(state) as servers:
        words = remembered(servers)
        with redis.Redis.from_url(servers.redis_url) as client:
            keys = client.keys()

    assert words == ["leaf"]
    assert keys == []


def test_nobody_gets_in_without_the_password(state: Path) -> None:
    with local_servers(state) as servers:
        database_port, redis_port = ports(servers)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://evergreen@127.0.0.1:{database_port}/evergreen")
        with (
            redis.Redis(port=redis_port, retry=Retry(NoBackoff(), 0)) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()
        listening = {
            address.laddr.ip
            for pid in pids(state)
            for address in psutil.Process(pid).net_connections("inet")
            if address.status == psutil.CONN_LISTEN
        }
        told = " ".join(" ".join(psutil.Process(pid).cmdline()) for pid in pids(state))

    assert listening == {"127.0.0.1"}
    assert not any(path.read_text() in told for path in state.glob("*.secret"))


@pytest.mark.parametrize(
    ("durable", "fsync"),
    [pytest.param(True, "on", id="demo"), pytest.param(False, "off", id="tests")],
)
def test_settings_of_the_servers(state: Path, *, durable: bool, fsync: str) -> None:
    with (
        local_servers(state, durable=durable) as servers,
        psycopg.connect(servers.database_url) as conn,
        redis.Redis.from_url(servers.redis_url) as client,
    ):
        shown = {
            name: conn.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "timezone", "jit", "server_encoding")
        }
        policy = client.config_get("maxmemory-policy")

    assert shown == {
        "fsync": (fsync,),
        "timezone": ("UTC",),
        "jit": ("off",),
        "server_encoding": ("UTF8",),
    }
    assert policy == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_starter_that_is_told_to_stop_leaves_nothing(state: Path, told: signal.Signals) -> None:
    with starter(state) as (process, servers):
        process.send_signal(told)
        exit_code = process.wait(20)

    assert exit_code == 0
    assert run_on(state) == []
    assert all(map(is_free, ports(servers)))


def test_what_a_killed_starter_left_is_stopped_by_the_next(state: Path) -> None:
    with starter(state) as (process, before):
        remember(before, "committed")
        process.kill()
        process.wait(20)
        left = pids(state)
        assert all(map(runs, left))

        with local_servers(state) as servers:
            words = remembered(servers)
            running = pids(state)

    assert words == ["committed"]
    assert not set(left) & set(running)
    assert not any(map(runs, left))
    assert all(map(is_free, ports(before)))


def test_servers_come_back_after_their_own_death_by_kill(state: Path) -> None:
    with local_servers(state) as servers:
        remember(servers, "committed")
        for pid in pids(state):
            os.kill(pid, signal.SIGKILL)

    with local_servers(state) as servers:
        assert remembered(servers) == ["committed"]


def test_two_starters_do_not_share_a_folder(state: Path) -> None:
    with (
        starter(state) as (process, _servers),
        pytest.raises(Unavailable, match=str(process.pid)),
        local_servers(state),
    ):
        pass


def test_an_unfinished_data_folder_is_made_anew(state: Path) -> None:
    begun = state / "postgresql-18.begun"
    begun.mkdir()
    (begun / "PG_VERSION").write_text("18")

    with local_servers(state) as servers:
        remember(servers, "leaf")

    assert not begun.exists()


def test_a_process_that_only_has_the_same_id_is_not_touched(state: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        (state / "processes").mkdir(mode=0o700)
        record = state / "processes" / "postgresql.record"
        record.write_text(f"SIGKILL\n{stranger.pid}\n")
        before = psutil.Process(stranger.pid).create_time() - 60
        os.utime(record, (before, before))
        with local_servers(state):
            alive = stranger.poll() is None
        stranger.kill()

    assert alive


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("told", [signal.SIGKILL, signal.SIGTERM])
def test_a_starter_may_be_ended_at_any_moment(state: Path, told: signal.Signals) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 — repeats the run
    moments = random.Random(seed)
    for _ in range(100):
        with starter(state, wait=False) as (process, _servers):
            time.sleep(moments.uniform(0.1, 0.8))
            process.send_signal(told)
            process.wait(20)
        if told is signal.SIGKILL:
            with local_servers(state):
                pass
        assert run_on(state) == []
