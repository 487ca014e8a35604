"""What the measures stand on: servers, fresh databases, and the processes of the Procfile."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import redis
import requests
from sqlalchemy.engine import make_url

from app.local.ports import LOOPBACK, free_port
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile
from app.local.servers import Servers
from benchmarks.events import SECRET
from sync.errors import Unavailable
from sync.store.engine import make_engine
from sync.store.migrate import upgrade

_READY_S = 30.0
_POLL_S = 0.02
_TABLES = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured."""

    rounds: int = 4
    requests: int = 500
    idle_events: int = 200
    burst_events: int = 3_000
    drain_events: int = 5_000
    subscriptions: int = 200_000


DEFAULT = Scale()
FULL = replace(DEFAULT, rounds=5, subscriptions=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the servers are, how much to measure, and a folder for the processes' logs."""

    servers: Servers
    state: Path
    scale: Scale

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a new database with the newest schema; it goes with the block."""
        name = f"bench_{uuid4().hex[:12]}"
        url = make_url(self.servers.database_url).set(database=name)
        with psycopg.connect(self.servers.database_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
            try:
                _migrate(url.render_as_string(hide_password=False))
                yield url.render_as_string(hide_password=False)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def environ(self, database_url: str, **more: str) -> dict[str, str]:
        """Return the environment for our processes: the settings of a plain deployment."""
        with redis.Redis.from_url(self.servers.redis_url) as client:
            client.flushdb()
        return {
            "PATH": os.defpath,
            "DATABASE_URL": database_url,
            "REDIS_URL": self.servers.redis_url,
            "STRIPE_WEBHOOK_SECRETS": SECRET,
            "SECRET_KEY": "benchmark-only-secret-key",
            **more,
        }

    @contextmanager
    def serving(self, commands: Mapping[str, str], environ: Mapping[str, str]) -> Iterator["Group"]:
        """Run `commands`, one of them a web server, from when it answers until the block ends."""
        port = free_port()
        bound = {**environ, "PORT": str(port), "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{port}"}
        with ProcessGroup(commands, bound, self.state) as processes:
            processes.start(*commands)
            group = Group(port, processes)
            group.wait_until_up()
            yield group


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that serve on `port`."""

    port: int
    processes: ProcessGroup

    def wait_until_up(self) -> None:
        """Return once something answers; raises `Unavailable` when nothing does."""
        until = time.monotonic() + _READY_S
        while not _answers(self.port):
            if death := self.processes.death():
                raise Unavailable(str(death))
            if time.monotonic() > until:
                raise Unavailable(f"nothing answers on port {self.port}")
            time.sleep(_POLL_S)

    def family(self, name: str) -> list[psutil.Process]:
        """Return the processes behind one process type, the first one included."""
        first = psutil.Process(self.processes.pids()[name])
        return [first, *first.children(recursive=True)]

    def cpu_s(self, name: str) -> float:
        """Return the CPU seconds that the workers of a process type have used so far."""
        times = [process.cpu_times() for process in self.family(name)[1:]]
        return sum(time.user + time.system for time in times)


def procfile(*names: str) -> dict[str, str]:
    """Return the Procfile's commands for these process types."""
    commands = parse_procfile(PROCFILE.read_text())
    return {name: commands[name] for name in names}


def empty(database_url: str) -> None:
    """Forget everything that was received, mirrored and planned."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        names = [row[0] for row in conn.execute(_TABLES, [["stripe", "evergreen"]])]
        kept = {"evergreen.alembic_version", "evergreen.clock"}
        conn.execute("SET session_replication_role = replica")  # the ledgers refuse this otherwise
        conn.execute(f"TRUNCATE {', '.join(sorted({*names} - kept))}".encode())


def _migrate(database_url: str) -> None:
    engine = make_engine(database_url)
    try:
        upgrade(engine)
    finally:
        engine.dispose()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{LOOPBACK}:{port}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
