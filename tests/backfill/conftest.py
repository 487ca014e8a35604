from collections.abc import Iterator

import pytest

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.server import StripeApi, serving
from tests.backfill.several_lives import KEY, NOW, Shop
from tests.workers.world import settings_for, world


@pytest.fixture
def shop(database_url: str, redis_url: str) -> Iterator[Shop]:
    """A service at NOW beside two Stripe accounts that hold nothing yet."""
    connected = Account("acct_2", now=lambda: NOW)
    api = StripeApi(Account(now=lambda: NOW), key=KEY, connected={"acct_2": connected})
    with serving(api) as base:
        settings = settings_for(
            database_url,
            redis_url,
            STRIPE_API_KEY=KEY,
            STRIPE_API_BASE=base,
            STRIPE_READS_PER_SECOND="100",
        )
        made = Shop(world(settings, NOW), api, connected)
        yield made
        made.world.context.engine.dispose()
