"""What time brings, in due order at its own instant; and what the sweep finds."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import text

from app.simulator.simulate import simulate
from notifications.kind import LOOK_AHEAD
from sync import clock as stored_clock
from sync.clock import SimulatedClock
from tests.mail_server import MailServer
from tests.workers.events import customer, expired_card, failed_invoice
from tests.workers.world import World, settings_for, world
from workers import clock
from workers.sweep import Sweep

START = datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
# Half past nine in New York, where the customer of a life may be written to.
BY_DAY = START + timedelta(hours=5)


@pytest.fixture
def slow_shop(shop: World) -> World:
    """The shop on a simulated clock that stands at START."""
    settings = replace(shop.context.settings, clock="simulated")
    clock_ = SimulatedClock(shop.context.engine)
    context = replace(shop.context, settings=settings, clock=clock_)
    with context.engine.begin() as conn:
        stored_clock.start(conn, START)
    return World(context)


def walk_to(shop: World, target: datetime) -> None:
    with shop.context.engine.begin() as conn:
        stored_clock.aim(conn, target)
    clock.walk(shop.context, threading.Event())


def kinds(server: MailServer) -> list[str]:
    return [mail["X-Evergreen-Kind"] for mail in server.messages]


def test_the_steps_of_a_campaign_go_out_at_their_own_instants(
    slow_shop: World, smtp_server: MailServer
) -> None:
    slow_shop.arrive(customer(START), failed_invoice(START), expired_card(START))
    walk_to(slow_shop, START + timedelta(days=30))

    sent = slow_shop.rows(
        "SELECT settled_at FROM evergreen.outbox WHERE channel = 'mail' ORDER BY 1",
    )
    assert [row[0] - START for row in sent] == [timedelta(days=days) for days in (0, 2, 5, 9, 11)]
    assert kinds(smtp_server) == [*["payment_failed"] * 4, "final_notice"]


def test_a_renewal_is_announced_three_days_ahead(slow_shop: World, smtp_server: MailServer) -> None:
    life = simulate(4, "renewal", start=BY_DAY)
    first = [event for event in life.events if event["created"] < BY_DAY.timestamp() + 86_400]
    walk_to(slow_shop, BY_DAY)
    slow_shop.arrive(*first)
    slow_shop.drain()
    ((ends,),) = slow_shop.rows("SELECT current_period_end FROM stripe.subscriptions")
    walk_to(slow_shop, ends - timedelta(days=3, seconds=1))
    begun = kinds(smtp_server)
    assert sorted(begun) == ["receipt", "subscription_started"]
    walk_to(slow_shop, ends - timedelta(days=3))

    assert kinds(smtp_server) == [*begun, "renewal_reminder"]


def test_a_walk_stands_at_its_target_and_not_a_second_further(slow_shop: World) -> None:
    target = START + timedelta(hours=2, minutes=17, seconds=5)
    walk_to(slow_shop, target)

    assert slow_shop.context.clock.now() == target


def test_a_walk_that_is_stopped_can_go_on(slow_shop: World) -> None:
    stopped = threading.Event()
    stopped.set()
    with slow_shop.context.engine.begin() as conn:
        stored_clock.aim(conn, START + timedelta(days=1))
    clock.walk(slow_shop.context, stopped)
    assert slow_shop.context.clock.now() < START + timedelta(days=1)
    clock.walk(slow_shop.context, threading.Event())

    assert slow_shop.context.clock.now() == START + timedelta(days=1)


def test_a_sender_that_vanished_does_not_stop_the_time(slow_shop: World) -> None:
    """A kill between the first byte and the answer leaves a row that nobody may send again."""
    slow_shop.arrive(customer(START), failed_invoice(START), expired_card(START))
    slow_shop.drain()
    slow_shop.run(
        "UPDATE evergreen.outbox SET state = 'sending', lease_token = gen_random_uuid(),"
        " lease_until = now() - interval '1 second' WHERE channel = 'mail' AND due_at <= '"
        f"{START.isoformat()}'",
    )
    walk_to(slow_shop, START + timedelta(hours=1))

    assert slow_shop.context.clock.now() == START + timedelta(hours=1)
    states = slow_shop.rows("SELECT state FROM evergreen.outbox WHERE channel = 'mail' ORDER BY 1")
    assert ("unknown",) in states


def test_a_mail_that_was_refused_for_now_is_tried_again_as_time_passes(
    slow_shop: World, smtp_server: MailServer
) -> None:
    smtp_server.refuse(451, times=1)
    slow_shop.arrive(customer(START), failed_invoice(START), expired_card(START))
    walk_to(slow_shop, START + timedelta(hours=1))

    assert kinds(smtp_server) == ["payment_failed"]


def test_no_mail_falls_due_unseen_between_two_ticks() -> None:
    assert clock.TICK < LOOK_AHEAD


def test_only_one_of_two_clock_processes_leads(shop: World) -> None:
    with clock._leadership(shop.context) as first, clock._leadership(shop.context) as second:
        assert first is not None
        assert second is None
    with clock._leadership(shop.context) as third:
        assert third is not None


def age_inbox(shop: World, seconds: int) -> None:
    shop.run(f"UPDATE evergreen.inbox SET received_at = now() - interval '{seconds} seconds'")


@pytest.mark.parametrize(
    ("age_s", "rung", "done"),
    [
        pytest.param(3, False, False, id="young-is-left-to-its-own-ring"),
        pytest.param(6, True, False, id="five-seconds-old-is-rung-for"),
        pytest.param(21, True, True, id="twenty-seconds-old-is-done-here"),
    ],
)
def test_the_sweep_rings_and_then_does_it_itself(
    shop: World, redis_url: str, age_s: int, *, rung: bool, done: bool
) -> None:
    shop.arrive(customer(START))
    age_inbox(shop, age_s)
    Sweep(shop.context).sweep(START)

    with redis.Redis.from_url(redis_url) as client:
        assert bool(client.exists("rq:queue:events")) == rung
    state = "done" if done else "pending"
    assert shop.rows("SELECT state FROM evergreen.inbox") == [(state,)]


def test_without_redis_the_sweep_does_the_work(database_url: str, smtp_server: MailServer) -> None:
    nowhere = "redis://127.0.0.1:1/0"
    alone = world(settings_for(database_url, nowhere, MAIL_URL=smtp_server.url), START)
    alone.arrive(customer(START), failed_invoice(START), expired_card(START))
    age_inbox(alone, 6)
    sweep = Sweep(alone.context)
    sweep.sweep(START)
    assert alone.rows("SELECT DISTINCT state FROM evergreen.inbox") == [("done",)]
    sweep._effects_wait_since = 1.0
    sweep.sweep(START)

    assert len(smtp_server.messages) == 1
    alone.context.engine.dispose()


def test_a_lost_session_ends_the_leadership(shop: World) -> None:
    stop = threading.Event()
    ended = threading.Thread(target=clock.run, args=(shop.context, stop))
    ended.start()
    with shop.context.engine.connect() as conn:
        conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()",
            ),
        )
    stop.set()
    ended.join(timeout=10)

    assert not ended.is_alive()
