"""Real servers for every test: one PostgreSQL and one Valkey, shared by all test processes.

DATABASE_URL and REDIS_URL of the environment are used when set. Without them the embedded
servers are started: by the process that hands out the work where there are several, else at
the first test that asks for one.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from sqlalchemy import Engine

from app.local.postgresql import postgresql
from app.local.servers import held
from app.local.state import checkout_root, state_dir
from app.local.valkey import valkey
from sync.errors import Unavailable
from sync.store.engine import make_engine
from sync.store.migrate import upgrade
from tests.databases import Databases, admin, drop, named
from tests.mail_server import MailServer, running_mail_server


@dataclass(frozen=True, slots=True)
class Shared:
    """What all test processes of one run share."""

    database_url: str
    redis_url: str
    run: str  # part of the names of our databases, so that runs side by side do not meet


SHARED = pytest.StashKey[Shared]()
TO_CLOSE = pytest.StashKey[ExitStack]()
WORKERS_SHARED = "evergreen_shared"
YOUNG_S = 60


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a test process where the servers are; they start before the first of them."""
    shared = _shared(node.config)  # type: ignore[attr-defined]
    node.workerinput[WORKERS_SHARED] = astuple(shared)  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this process started; comes after Ctrl-C, too."""
    if TO_CLOSE in config.stash:
        config.stash[TO_CLOSE].close()


def _shared(config: pytest.Config) -> Shared:
    if SHARED not in config.stash:
        config.stash[SHARED] = _told(config) or _start(config)
    return config.stash[SHARED]


def _told(config: pytest.Config) -> Shared | None:
    workerinput = getattr(config, "workerinput", None)
    return Shared(*workerinput[WORKERS_SHARED]) if workerinput else None


def _start(config: pytest.Config) -> Shared:
    parts = config.stash[TO_CLOSE] = ExitStack()
    run = uuid4().hex[:8]
    given = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if not all(given):
        state = parts.enter_context(_scratch_state(run))
    database_url = given[0] or parts.enter_context(postgresql(state, durable=False))
    redis_url = given[1] or parts.enter_context(valkey(state))
    parts.callback(drop, database_url, _template_name(run))
    return Shared(database_url, redis_url, run)


@contextmanager
def _scratch_state(run: str) -> Iterator[Path]:
    """Hold a state folder for this run; remove it, and those that killed runs left."""
    for left in filter(_old, checkout_root().glob("tests-*")):
        with suppress(Unavailable), held(left):  # one that is in use is left alone
            rmtree(left)
    state = state_dir(f"tests-{run}")
    with held(state):
        yield state
        rmtree(state)


def _old(state: Path) -> bool:
    """A younger one may belong to a run that is about to hold it."""
    return state.stat().st_mtime < time.time() - YOUNG_S


def _template_name(run: str) -> str:
    return f"evergreen_tests_{run}"


@pytest.fixture(scope="session")
def shared(pytestconfig: pytest.Config) -> Shared:
    """Where the servers of this run are."""
    return _shared(pytestconfig)


@pytest.fixture(scope="session")
def template(shared: Shared) -> str:
    """A database with the newest schema and no rows; made by the first test process."""
    name = _template_name(shared.run)
    with admin(shared.database_url) as conn:
        conn.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        known = conn.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount
        if not known:
            _migrate_new(conn, shared.database_url, name)
    return name


def _migrate_new(conn: psycopg.Connection, database_url: str, name: str) -> None:
    """Make the template; it takes its name only when it is finished."""
    begun = f"{name}_begun"
    conn.execute(f"DROP DATABASE IF EXISTS {begun} WITH (FORCE)")
    conn.execute(f"CREATE DATABASE {begun}")
    engine = make_engine(named(database_url, begun))
    try:
        upgrade(engine)
    finally:
        engine.dispose()
    conn.execute(f"ALTER DATABASE {begun} RENAME TO {name}")


@pytest.fixture(scope="session")
def databases(shared: Shared, template: str) -> Iterator[Databases]:
    """The databases of this test process."""
    prefix = f"evergreen_test_{shared.run}_{os.getpid()}"
    databases = Databases(shared.database_url, template, prefix)
    yield databases
    databases.close()


@pytest.fixture
def empty_database_url(shared: Shared) -> Iterator[str]:
    """A database of its own without any table, for tests of the migrations."""
    name = f"evergreen_test_{shared.run}_{os.getpid()}_empty"
    with admin(shared.database_url) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    yield named(shared.database_url, name)
    drop(shared.database_url, name)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A database of its own with the newest schema and no rows."""
    with databases.borrowed() as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine for `database_url`."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def redis_url(shared: Shared, worker_id: str) -> str:
    """A Valkey database of its own, empty; FLUSHALL would hit the other test processes."""
    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    url = urlsplit(shared.redis_url)._replace(path=f"/{number}").geturl()
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def smtp_server() -> Iterator[MailServer]:
    """A mail server that keeps what it gets in `.messages` and fails as it is told."""
    with running_mail_server() as server:
        yield server
