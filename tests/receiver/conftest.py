"""One running web process for all tests of a module."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import redis

from app.local.servers import held
from app.local.state import state_dir
from tests.conftest import Shared
from tests.databases import Databases
from tests.receiver.stripe_side import Door, open_door

FIRST_REDIS = 32  # the databases below belong to single tests


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """An empty state folder; nothing that was started on it outlives the module."""
    folder = state_dir(f"tests-{uuid4().hex[:8]}")
    with held(folder):
        yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def door(
    request: pytest.FixtureRequest,
    shared: Shared,
    databases: Databases,
    worker_id: str,
    state: Path,
) -> Iterator[Door]:
    """The web process; a module's `SETTINGS` are added to its environment."""
    number = FIRST_REDIS + int(worker_id.removeprefix("gw") if worker_id != "master" else 0)
    redis_url = urlsplit(shared.redis_url)._replace(path=f"/{number}").geturl()
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    settings: dict[str, str] = getattr(request.module, "SETTINGS", {})
    with (
        databases.borrowed() as database_url,
        open_door(state, database_url, redis_url, **settings) as door,
    ):
        yield door
