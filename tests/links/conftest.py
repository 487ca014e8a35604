"""A customer with a browser, the shop's pages, its mirror, and Stripe behind a real HTTP server."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import customer_links
from app.customer_links import StripeSide
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.server import StripeApi, serving
from notifications import links
from notifications.links import LinkSubject, Purpose
from notifications.policy import MailPolicy
from sync.stripe_writes import StripeWrites
from tests.notifications import shop

KEY = "sk_test_evergreen"
OTHER_KEY = "sk_test_mistyped"


@dataclass(slots=True)
class StandingClock:
    """The business time of a test."""

    at: datetime = shop.NOW

    def now(self) -> datetime:
        """Return the instant at which the test stands."""
        return self.at


@dataclass(slots=True)
class Visit:
    """Somebody opens links of mails."""

    engine: Engine
    api: StripeApi
    base: str
    clock: StandingClock
    policy: MailPolicy

    def browser(self, key: str | None = KEY, **changed: Any) -> FlaskClient:
        """Return a browser at the shop's pages; `key` is the shop's at Stripe, None: it has none.

        `changed`: other settings.
        """

        def connect() -> StripeWrites:
            return StripeWrites(key or "", base=self.base, sleep=lambda _s: None)

        policy = shop.policy(**changed) if changed else self.policy
        side = StripeSide(connect if key else None)
        app = Flask("shop")
        app.register_blueprint(customer_links.blueprint(self.engine, policy, self.clock, side))
        return app.test_client()

    def path(self, purpose: Purpose, about: str = "", message: str = "") -> str:
        """Return the path of a link."""
        subject = LinkSubject("", "cus_1", about, message)
        return links.url(self.policy, purpose, subject).removeprefix(self.policy.public_url)

    def post(self, purpose: Purpose, about: str = "", **form: str) -> TestResponse:
        """Press the button of a link's page."""
        return self.browser().post(self.path(purpose, about), data=form)

    def fail(self, *script: Fault | None) -> None:
        """Let Stripe's next answers go wrong like this."""
        self.api.misbehave(Faults(script=script))

    def asked(self) -> list[tuple[str, str]]:
        """Return what Stripe was asked, as method and path."""
        return list(self.api.requests)

    def rows(self) -> dict[str, int]:
        """Return how many rows, and which versions of them, each table holds."""
        return everything(self.engine)


def everything(engine: Engine) -> dict[str, int]:
    """Return a sum over the rows of every table: another one where any row is."""
    tables = text(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema IN ('evergreen', 'stripe') AND table_type = 'BASE TABLE'"
    )
    with engine.connect() as conn:
        names = conn.execute(tables).scalars().all()
        assert len(names) > 30
        hashed = "SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) + count(*) FROM {} AS t"
        return {name: conn.execute(text(hashed.format(name))).scalar_one() for name in names}


@pytest.fixture
def visit(engine: Engine) -> Iterator[Visit]:
    """A customer of Garden Box, in English; Stripe knows them, their price and subscription."""
    account = Account(now=lambda: datetime.now(UTC))
    account.put(
        {"id": "cus_1", "object": "customer"},
        {"id": "price_1", "object": "price"},
        {"id": "BACK20", "object": "coupon", "percent_off": 20, "duration": "once"},
    )
    api = StripeApi(account, key=KEY)
    with serving(api) as base:
        yield Visit(engine, api, base, StandingClock(), shop.policy())
