"""A worker's context at noon."""

from collections.abc import Iterator

import pytest

from tests.delivery.made import NOON
from tests.workers.world import settings_for, world
from workers.context import Context


@pytest.fixture
def context(database_url: str, redis_url: str) -> Iterator[Context]:
    """The context of a worker that stands at noon."""
    made = world(settings_for(database_url, redis_url), NOON).context
    yield made
    made.engine.dispose()
