"""A Stripe account of a few objects behind a real HTTP server, and Stripe's own client for it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
import stripe

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.server import StripeApi, serving
from tests.stripe_api.objects import KEY, NOW


@dataclass(frozen=True, slots=True)
class Stripe:
    """The server, its address, and a client of the SDK that does not repeat requests."""

    api: StripeApi
    base: str
    client: stripe.StripeClient

    @property
    def account(self) -> Account:
        """Return the state behind the server."""
        return self.api.account


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Connections that are closed after the test."""
    with requests.Session() as opened:
        yield opened


def client(base: str, session: requests.Session, key: str = KEY) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=10, session=session),
    )


@pytest.fixture
def shop(session: requests.Session) -> Iterator[Stripe]:
    """An empty account at `NOW`."""
    api = StripeApi(Account(now=lambda: NOW), key=KEY)
    with serving(api) as base:
        yield Stripe(api, base, client(base, session))
