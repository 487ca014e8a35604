"""Stripe's side of the demo: it knows what the year has told, and answers clicks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from app.local.demo_stripe import COUPON, DemoStripe, demo_stripe
from app.settings import Settings
from app.simulator.stripe_api.account import from_history
from sync.stripe_writes import StripeWrites
from tests.simulator.histories import UNTIL, year
from tests.stripe_writes.conftest import obj

EXPIRES_AT = datetime.now(UTC) + timedelta(days=7)


@pytest.fixture
def demo() -> Iterator[DemoStripe]:
    with demo_stripe() as made:
        yield made


@pytest.fixture
def writes(demo: DemoStripe) -> Iterator[StripeWrites]:
    with StripeWrites(demo.environ["STRIPE_API_KEY"], base=demo.environ["STRIPE_API_BASE"]) as made:
        yield made


def test_its_settings_are_good(demo: DemoStripe, database_url: str, redis_url: str) -> None:
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    own = {"STRIPE_WEBHOOK_SECRETS": "whsec_demo_only", "CLOCK": "simulated"}
    settings = Settings.from_environ({**servers, **own, **demo.environ})

    assert set(settings.winback_coupons.values()) == {COUPON["id"]}
    assert settings.livemode is False


def test_it_knows_what_the_year_has_told(demo: DemoStripe) -> None:
    played = year(7, customers=3)
    demo.learn_all(played, UNTIL)
    told = from_history(played, until=UNTIL).keys()

    assert demo.account.keys() == told | {("coupon", COUPON["id"])}


def test_a_click_ends_on_a_page(demo: DemoStripe, writes: StripeWrites) -> None:
    demo.account.put(obj("customer", "cus_1"), obj("price", "price_1"))
    addresses = [
        writes.portal_session("cus_1", return_url="http://localhost/r"),
        writes.checkout_session(
            "cus_1", prices=[("price_1", 1)], success_url="http://s", cancel_url="http://c", key="k"
        ),
    ]

    for address in addresses:
        shown = requests.get(address, timeout=5)
        assert shown.status_code == 200
        assert "simulated" in shown.text
    assert requests.get(f"{demo.environ['STRIPE_API_BASE']}/pages/x", timeout=5).status_code == 401


def test_a_kept_subscription_is_told_to_the_webhook(demo: DemoStripe, writes: StripeWrites) -> None:
    told: list[str] = []
    demo.account.put(obj("subscription", "sub_1", status="active", cancel_at=5))
    demo.account.webhook = lambda event: told.append(event["type"])
    writes.keep_subscription("sub_1", key="k")

    assert told == ["customer.subscription.updated"]


def test_the_coupon_is_good_for_codes(demo: DemoStripe, writes: StripeWrites) -> None:
    demo.account.put(obj("customer", "cus_1"))
    made = writes.promotion_code(str(COUPON["id"]), "cus_1", expires_at=EXPIRES_AT, key="k")

    assert (made.is_active, made.months) == (True, 3)
