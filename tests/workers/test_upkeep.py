"""The background: missed events come in, drift is seen and mended, a long gap ends in a sweep."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.simulator.simulate import simulate
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.server import StripeApi, serving
from tests.workers.world import World, settings_for, world
from workers import reads
from workers.context import Context

KEY = "sk_test_key_of_the_fake"
# Stripe lists events by its own, real time: the history ends now.
LIFE = "failed_payment_recovered"


def ending(now: datetime) -> Account:
    """Return the account of a shop with one customer, whose last event is a day old."""
    days = 100
    history = simulate(3, LIFE, start=now - timedelta(days=days))
    shift = int(now.timestamp()) - 86_400 - history.events[-1]["created"]
    account = Account(now=lambda: now)
    account.tell(*({**event, "created": event["created"] + shift} for event in history.events))
    return account


@pytest.fixture
def stripe() -> StripeApi:
    return StripeApi(ending(datetime.now(UTC)), key=KEY)


@pytest.fixture
def shop(stripe: StripeApi, database_url: str, redis_url: str) -> Iterator[World]:
    """A service with a key, on the real clock."""
    with serving(stripe) as base:
        keyed = {"STRIPE_API_KEY": KEY, "STRIPE_API_BASE": base, "STRIPE_READS_PER_SECOND": "100"}
        made = world(settings_for(database_url, redis_url, **keyed), datetime.now(UTC))
        yield made
        made.context.engine.dispose()


def keep_up(context: Context) -> None:
    """Let every turn come, and work until all of it is done."""
    with context.engine.begin() as conn:
        conn.exec_driver_sql(
            "UPDATE evergreen.progress SET moved_at = moved_at - interval '1 hour'"
            " WHERE task = 'upkeep'"
        )
    while not reads.work(context, at_most_s=20):
        pass


MIRRORED = "SELECT count(*) FROM stripe.invoices"
WRONG = """
UPDATE stripe.invoices SET status = 'draft', as_of = as_of - interval '1 hour',
    data = jsonb_set(data, '{status}', '"draft"')
"""
FOUND = "SELECT stale, repaired FROM evergreen.drift WHERE object = 'invoice'"
MAILS = "SELECT count(*) FROM evergreen.outbox WHERE channel = 'mail' AND event_id IS NULL"


def test_what_the_webhook_missed_comes_in_by_itself(shop: World, stripe: StripeApi) -> None:
    now = shop.context.clock.now()
    recent = [e for e in stripe.account.events if e["created"] > now.timestamp() - 29 * 86_400]
    assert len(recent) > 5
    shop.arrive(recent[0])
    shop.drain()
    keep_up(shop.context)

    came = shop.rows("SELECT deliveries, count(*) FROM evergreen.inbox GROUP BY 1 ORDER BY 1")
    assert came == [(0, len(recent) - 1), (1, 1)]
    shop.drain()
    assert shop.rows("SELECT DISTINCT state FROM evergreen.inbox") == [("done",)]


def test_a_turn_comes_once_in_a_while(shop: World, stripe: StripeApi) -> None:
    keep_up(shop.context)
    asked = len(stripe.requests)
    assert reads.work(shop.context, at_most_s=20)

    assert len(stripe.requests) == asked


def test_drift_is_seen_mended_and_told_without_a_mail(shop: World, stripe: StripeApi) -> None:
    shop.arrive(*stripe.account.events)
    shop.drain()
    mails = shop.rows("SELECT count(*) FROM evergreen.outbox WHERE channel = 'mail'")
    keep_up(shop.context)  # the sweep of what came before
    shop.run(WRONG)
    found = set()
    for _ in range(12):
        keep_up(shop.context)
        found |= {*shop.rows(FOUND)}

    assert max(found) > (0, 0)
    assert shop.rows("SELECT count(*) FROM stripe.invoices WHERE status = 'draft'") == [(0,)]
    assert shop.rows(FOUND) == [(0, 0)]
    assert shop.rows("SELECT count(*) FROM evergreen.outbox WHERE channel = 'mail'") == mails


def test_after_more_than_thirty_days_all_objects_are_walked(shop: World, stripe: StripeApi) -> None:
    shop.arrive(stripe.account.events[0])
    shop.drain()
    keep_up(shop.context)

    invoices = len(list(stripe.account.all("invoice")))
    assert shop.rows(MIRRORED) == [(invoices,)]
    sweep = shop.rows(
        "SELECT finished_at IS NOT NULL FROM evergreen.progress"
        " WHERE task = 'upkeep' AND part = 'sweep'"
    )
    assert sweep == [(True,)]
    assert shop.rows(MAILS) == [(0,)]
