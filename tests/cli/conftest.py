"""An environment with all that the command line must have."""

from collections.abc import Mapping

import pytest


@pytest.fixture
def environ(database_url: str, redis_url: str) -> Mapping[str, str]:
    """Settings that lead to this test's own database and Redis."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": "whsec_for_tests_only",
        "SECRET_KEY": "for-tests-only-key",
    }
