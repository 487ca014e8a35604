"""A sink that hangs holds only itself: what goes elsewhere leaves meanwhile."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sync.changes import Done, Outcome
from sync.delivery import http
from sync.delivery.policy import Policy
from tests.delivery.made import CRM, STOCK, Sink, add, delta, state
from tests.delivery.server import Provider, providing, stall
from tests.delivery.test_lane import Caller
from tests.mail_server import MailServer
from tests.workers.test_deliver import AT, fail_payments
from tests.workers.world import World, settings_for, world
from workers.deliver import _Work
from workers.lane import Sender
from workers.senders import Senders, open_senders

HANGS_S = 4.0


@pytest.fixture
def shop(database_url: str, redis_url: str, smtp_server: MailServer) -> Iterator[World]:
    settings = settings_for(database_url, redis_url, MAIL_URL=smtp_server.url)
    made = world(settings, AT + timedelta(minutes=1))
    yield made
    made.context.engine.dispose()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A CRM that takes every call and answers none."""
    monkeypatch.setattr(http, "DEADLINE_S", HANGS_S)
    with providing(stall(60)) as there:
        yield there


def wait_for(happened: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not happened():
        assert time.monotonic() - began < 30
        time.sleep(0.01)
    return time.monotonic() - began


def test_mail_leaves_at_once_while_a_crm_hangs(
    shop: World, hanging: Provider, smtp_server: MailServer
) -> None:
    """Also when the job's own time is up, since it cannot end before that call does."""
    add(shop.context.engine, *(state(f"k{n}") for n in range(100)))
    redis_url = shop.context.settings.redis_url
    sender = Sender(deliver=Caller(hanging.url, redis_url), policy=Policy(batch=10))
    with open_senders(shop.context) as senders, ThreadPoolExecutor(1) as pool:
        lanes = Senders({**senders.by_lane, CRM: sender})
        work = _Work(shop.context, lanes, time.monotonic() + 1)
        working = pool.submit(work.side_by_side)
        wait_for(lambda: bool(hanging.got))
        time.sleep(1.5)
        fail_payments(shop, 1)
        took_s = wait_for(lambda: len(smtp_server.messages) == 1)
        began = time.monotonic()
        assert not working.result(timeout=30)

    assert took_s < 2
    assert time.monotonic() - began < HANGS_S + 2
    assert len(hanging.got) == 1


def test_a_sink_that_overran_its_turn_gets_no_other_in_the_same_job(shop: World) -> None:
    slow, quick = Sink(Done()), Sink(Done())

    def sleepy(batch: object, now: object) -> list[Outcome]:
        time.sleep(1.5)
        return slow.deliver(batch, now)  # type: ignore[arg-type]

    add(shop.context.engine, *(state(f"k{n:03}") for n in range(50)), delta("m"))
    lanes = Senders(
        {
            CRM: Sender(deliver=sleepy, policy=Policy(batch=1)),
            STOCK: Sender(deliver=quick.deliver),
        }
    )
    assert not _Work(shop.context, lanes, time.monotonic() + 0.2).side_by_side()

    assert (len(slow.keys), quick.keys) == (1, ["m"])


def test_everything_due_is_served_and_then_it_is_quiet(shop: World) -> None:
    engine, crm, stock = shop.context.engine, Sink(Done()), Sink(Done())
    add(engine, *(state(f"k{n:03}") for n in range(45)), *(delta(f"m{n}") for n in range(5)))
    policy = Policy(batch=10)
    lanes = Senders(
        {
            CRM: Sender(deliver=crm.deliver, policy=policy, at_once=10),
            STOCK: Sender(deliver=stock.deliver, policy=policy),
        }
    )
    assert _Work(shop.context, lanes, time.monotonic() + 20).side_by_side()

    assert len(crm.keys) == len(set(crm.keys)) == 45
    assert len(stock.keys) == len(set(stock.keys)) == 5


def test_a_sink_that_the_settings_no_longer_name_fails_its_effects(shop: World) -> None:
    add(shop.context.engine, state(subject={"sink": "gone", "customer": "c"}))
    shop.deliver()

    found = shop.rows("SELECT state, reason FROM evergreen.outbox")
    assert found == [("failed", "unknown_sink")]
