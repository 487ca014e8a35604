"""Catch-up: what the webhook missed comes through the same inbox, oldest first, once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.envelope import delivery
from sync.errors import Rejected
from sync.mirror.catch_up import OVERLAP, REACH, CatchUp, Span, Step, next_width, span_of
from sync.store import inbox
from sync.store.inbox import INBOX
from tests.backfill.several_lives import NOW, Shop, lived, withheld

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SOON = NOW - 26 * DAY


def run(shop: Shop, since: datetime | None = None, account: str = "") -> list[Step]:
    """Catch up to now, and drain."""
    side = shop.side()
    envelope = partial(delivery, livemode=None)
    catching = CatchUp(engine=side.engine, reads=side.reads, envelope=envelope, account=account)
    steps = list(catching.steps(side.clock.now(), since))
    shop.world.drain()
    return steps


def missed(steps: Sequence[Step]) -> int:
    return sum(step.missed for step in steps)


def event(number: int, created: datetime, **more: Any) -> Mapping[str, Any]:
    subject = {"id": f"cus_{number}", "object": "customer", "discount": None, "livemode": False}
    told = {"id": f"evt_{number}", "object": "event", "type": "customer.created"}
    at = int(created.timestamp())
    return {**told, "created": at, "livemode": False, "data": {"object": subject}, **more}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_withheld_is_brought_in(shop: Shop, seed: int) -> None:
    events = lived(seed, start=SOON, until=NOW - OVERLAP)
    shop.api.account.tell(*events)
    arrived = withheld(events, seed)
    shop.deliver(arrived)
    before = shop.drift()

    steps = run(shop)

    assert before != []
    assert shop.drift() == []
    assert missed(steps) == len(events) - len(arrived)
    assert {step.gap for step in steps} == {None}


def test_a_second_walk_begins_near_the_end_of_the_first(shop: Shop) -> None:
    shop.api.account.tell(*lived(1, start=SOON, until=NOW - OVERLAP))
    shop.deliver(withheld(lived(1, start=SOON, until=NOW - OVERLAP), 1))
    first = run(shop)
    late = event(1, NOW - 2 * MINUTE)
    shop.api.account.tell(late)
    shop.api.requests.clear()

    second = run(shop.later())

    assert missed(first) > 0
    assert missed(second) == 1
    assert [path for _, path in shop.api.requests].count("/v1/events") == 1


def test_what_was_found_comes_oldest_first(shop: Shop) -> None:
    shop.deliver([event(0, NOW - 9 * DAY)])
    shop.api.account.tell(*(event(n, NOW - 9 * DAY + n * timedelta(hours=1)) for n in range(200)))

    run(shop)

    rows = shop.world.rows("SELECT event_id FROM evergreen.inbox ORDER BY seq")
    assert rows == [(f"evt_{n}",) for n in range(200)]


def test_a_webhook_that_comes_late_after_all_is_its_first_delivery(shop: Shop) -> None:
    """And the bytes that Stripe signed are the ones that are kept."""
    shop.deliver([event(0, NOW - DAY)])
    shop.api.account.tell(event(0, NOW - DAY), event(1, NOW - DAY + MINUTE))
    run(shop)
    signed = delivery(orjson.dumps({"pending_webhooks": 1, **event(1, NOW - DAY + MINUTE)}), None)

    with shop.engine.begin() as conn:
        columns = select(INBOX.c.deliveries, INBOX.c.payload).where(INBOX.c.event_id == "evt_1")
        found = conn.execute(columns).one()
        assert inbox.store(conn, signed) == "duplicate"
        assert not inbox.count_repeat(conn, signed)
        delivered = conn.execute(columns).one()
        assert not inbox.count_repeat(conn, signed)

    assert (found.deliveries, delivered.deliveries) == (0, 1)
    assert delivered.payload == signed.payload


def test_an_account_that_is_new_to_us_is_told_and_its_past_is_left_alone(shop: Shop) -> None:
    shop.api.account.tell(*lived(1, start=SOON, until=NOW - DAY))

    first = run(shop)
    second = run(shop.later())

    assert [step.gap for step in first] == ["new", None]
    assert [step.gap for step in second] == [None]
    assert shop.world.rows("SELECT count(*) FROM evergreen.inbox") == [(0,)]


def test_more_than_thirty_days_are_told(shop: Shop) -> None:
    shop.deliver([event(0, NOW - 31 * DAY)])
    shop.api.account.tell(event(1, NOW - 31 * DAY), event(2, NOW - 29 * DAY))

    steps = run(shop)

    assert [steps[0].gap, missed(steps)] == ["too_old", 1]
    assert {step.gap for step in run(shop.later())} == {None}


def test_a_connected_accounts_events_name_their_account(shop: Shop) -> None:
    """Its own list of events does not."""
    shop.connected.tell(event(1, NOW - DAY), event(2, NOW - DAY))
    shop.deliver([event(1, NOW - DAY, account="acct_2")])

    steps = run(shop, account="acct_2")

    assert missed(steps) == 1
    accounts = "SELECT event_id, account FROM evergreen.inbox ORDER BY 1"
    assert shop.world.rows(accounts) == [("evt_1", "acct_2"), ("evt_2", "acct_2")]


@pytest.mark.parametrize(
    ("since", "reached", "oldest", "span"),
    [
        pytest.param(
            None,
            NOW - DAY,
            NOW - 9 * DAY,
            Span(since=NOW - DAY - OVERLAP, until=NOW - MINUTE),
            id="from-the-last-walk",
        ),
        pytest.param(
            None,
            None,
            NOW - 9 * DAY,
            Span(since=NOW - 9 * DAY, until=NOW - MINUTE),
            id="from-the-first-event-known",
        ),
        pytest.param(
            NOW - 2 * DAY,
            NOW - DAY,
            None,
            Span(since=NOW - 2 * DAY, until=NOW - MINUTE),
            id="from-where-asked",
        ),
        pytest.param(
            NOW - REACH,
            None,
            None,
            Span(since=NOW - REACH, until=NOW - MINUTE),
            id="just-within-reach",
        ),
        pytest.param(
            NOW - REACH - MINUTE,
            None,
            None,
            Span(since=NOW - REACH, until=NOW - MINUTE, gap="too_old"),
            id="out-of-reach",
        ),
        pytest.param(
            None,
            None,
            None,
            Span(since=NOW - OVERLAP, until=NOW - MINUTE, gap="new"),
            id="never-heard-of",
        ),
    ],
)
def test_what_to_walk(
    since: datetime | None, reached: datetime | None, oldest: datetime | None, span: Span
) -> None:
    assert span_of(NOW, since, reached, oldest) == span


@pytest.mark.parametrize(
    ("width", "events", "expected"),
    [
        pytest.param(MINUTE, 199, 2 * MINUTE, id="few"),
        pytest.param(MINUTE * 4, 200, MINUTE * 4, id="enough"),
        pytest.param(MINUTE * 4, 1_001, MINUTE * 2, id="many"),
        pytest.param(MINUTE, 5_000, MINUTE, id="never-shorter-than-a-minute"),
        pytest.param(DAY, 0, DAY, id="never-longer-than-a-day"),
    ],
)
def test_a_window_is_as_long_as_its_events_are_few(
    width: timedelta, events: int, expected: timedelta
) -> None:
    assert next_width(width, events) == expected


def test_a_key_of_another_account_brings_nothing_in(shop: Shop) -> None:
    shop.deliver([event(number, NOW - DAY) for number in range(5)])
    shop.api.account.tell(event(9, NOW - timedelta(hours=1)))

    with pytest.raises(Rejected, match="another account"):
        run(shop)
    assert shop.world.rows("SELECT event_id FROM evergreen.inbox WHERE event_id = 'evt_9'") == []
