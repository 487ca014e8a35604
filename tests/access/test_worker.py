"""The workers' own functions: events, time and a real receiver."""

from collections.abc import Iterator

import orjson
import pytest

from tests.access.made import DAY, NOW, SECRET
from tests.access.receiver import Receiver, receiving
from tests.access.shop import customer, invoice, subscription
from tests.workers.world import World, settings_for, world
from workers import clock


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def shop(database_url: str, redis_url: str, receiver: Receiver) -> Iterator[World]:
    more = {
        "ACCESS_WEBHOOK_URL": receiver.url,
        "ACCESS_WEBHOOK_SECRET": SECRET,
        "ACCESS_RESTRICTED_DAYS": "7",
    }
    made = world(settings_for(database_url, redis_url, **more), NOW)
    yield made
    made.context.engine.dispose()


def states(receiver: Receiver) -> list[str]:
    return [orjson.loads(body)["data"]["state"] for _, _, body in receiver.got]


def test_a_late_payment_walks_down_and_a_payment_brings_it_all_back(
    shop: World, receiver: Receiver
) -> None:
    shop.arrive(customer(), subscription("past_due", NOW), invoice("open", NOW))
    shop.drain()
    shop.deliver()
    for day in (13, 14, 15, 21):
        then = shop.at(NOW + day * DAY)
        clock.scan(then.context, NOW + day * DAY)
        then.deliver()
    assert states(receiver) == ["grace", "restricted", "suspended"]

    later = shop.at(NOW + 22 * DAY)
    paid_at = NOW + 22 * DAY
    later.arrive(invoice("paid", paid_at, NOW), subscription("active", paid_at))
    later.drain()
    later.deliver()

    assert states(receiver)[3:] == ["ok"]
    told = shop.rows("SELECT state, reason FROM evergreen.outbox WHERE channel = 'access'")
    assert told == [("done", None)]
    noted = shop.rows("SELECT state, since FROM evergreen.access_history ORDER BY id")
    assert noted == [
        ("grace", NOW),
        ("restricted", NOW + 14 * DAY),
        ("suspended", NOW + 21 * DAY),
        ("ok", paid_at),
    ]


def test_a_customer_of_another_account_is_nobodys_business(shop: World, receiver: Receiver) -> None:
    shop.arrive({**subscription("past_due", NOW), "account": "acct_1"})
    shop.drain()
    shop.deliver()

    assert receiver.got == []
    assert shop.rows("SELECT * FROM evergreen.access") == []
