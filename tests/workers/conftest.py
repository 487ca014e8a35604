from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.mail_server import MailServer
from tests.workers.world import World, settings_for, world

NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)


@pytest.fixture
def shop(database_url: str, redis_url: str, smtp_server: MailServer) -> Iterator[World]:
    """A service that stands at NOW and sends through the test's mail server."""
    made = world(settings_for(database_url, redis_url, MAIL_URL=smtp_server.url), NOW)
    yield made
    made.context.engine.dispose()
