"""What the campaigns' tests share."""

import pytest
from sqlalchemy import Engine

from tests.dunning.follows import happens
from tests.notifications import shop


@pytest.fixture
def owing(engine: Engine) -> Engine:
    """A customer whose card has expired: the first charge failed just now."""
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"), shop.product())
    happens(engine, shop.declined(), shop.invoice())
    return engine
