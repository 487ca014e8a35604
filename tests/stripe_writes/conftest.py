"""A Stripe account with something to write about, behind a real HTTP server."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.server import StripeApi, serving
from sync.stripe_writes import StripeWrites

KEY = "sk_test_51Evergreen0123456789"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def obj(object_type: str, object_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": object_id, "object": object_type, "created": NOW_S, **fields}


def coupon(coupon_id: str = "BACK20", **terms: Any) -> dict[str, Any]:
    """Return a coupon that takes a fifth off once, or what `terms` say."""
    usual = {"percent_off": 20, "amount_off": None, "currency": None, "duration": "once"}
    return obj("coupon", coupon_id, valid=True, **{**usual, **terms})


@dataclass(slots=True)
class Stripe:
    """Stripe's side: its state, its time, and what it has been asked."""

    api: StripeApi
    base: str = ""
    at: datetime = NOW

    @property
    def account(self) -> Account:
        """Return the state of the account itself."""
        return self.api.account

    def fail(self, *script: Fault | None) -> None:
        """Let the next requests go wrong like this, those after them well."""
        self.api.misbehave(Faults(script=script))

    def posts(self) -> list[str]:
        """Return the paths of all writes that came in."""
        return [path for method, path in self.api.requests if method == "POST"]

    def pass_time(self, hours: int) -> None:
        """Move Stripe's clock."""
        self.at += timedelta(hours=hours)


@pytest.fixture
def stripe() -> Iterator[Stripe]:
    """An account with a customer, prices, a coupon and a subscription; `acct_2` belongs to it."""
    other = Account(id="acct_2", now=lambda: made.at)
    made = Stripe(
        StripeApi(Account(now=lambda: made.at), key=KEY, connected={"acct_2": other}),
    )
    made.account.put(
        obj("customer", "cus_1"),
        obj("customer", "cus_2"),
        obj("price", "price_1", active=True),
        obj("price", "price_2", active=True),
        obj("subscription", "sub_1", customer="cus_1", status="active"),
        coupon(),
    )
    other.put(obj("customer", "cus_1"), coupon(percent_off=50))
    with serving(made.api) as base:
        made.base = base
        yield made


@pytest.fixture
def writes(stripe: Stripe) -> Iterator[StripeWrites]:
    """The way to write there, without pauses."""
    with StripeWrites(KEY, base=stripe.base, sleep=lambda _s: None) as made:
        yield made
