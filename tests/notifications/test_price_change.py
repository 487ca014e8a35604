"""A higher price is announced before it comes, where the customer did not ask for it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kind import LOOK_AHEAD
from notifications.policy import parse_renewal_reminders
from sync.changes import Done, RetryIn, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

ONLY_THESE = shop.policy(renewal_reminders=parse_renewal_reminders(""))


def price(unit_amount: int | None, price_id: str = "price_2") -> dict[str, Any]:
    return {
        "id": price_id,
        "object": "price",
        "product": "prod_1",
        "currency": "usd",
        "unit_amount": unit_amount,
        "recurring": {"interval": "month", "interval_count": 1},
    }


def schedule(changes_in: timedelta = 14 * DAY, **changed: Any) -> dict[str, Any]:
    begins, changes, ends = NOW - 30 * DAY, NOW + changes_in, NOW + changes_in + 30 * DAY
    new, quantity = changed.pop("to", "price_2"), changed.pop("quantity", 1)
    phases = [
        {
            "start_date": shop.seconds(begins),
            "end_date": shop.seconds(changes),
            "items": [{"price": "price_1", "quantity": 1}],
        },
        {
            "start_date": shop.seconds(changes),
            "end_date": shop.seconds(ends),
            "items": [{"price": new, "quantity": quantity}],
        },
    ]
    return {
        "id": "sub_sched_1",
        "object": "subscription_schedule",
        "customer": "cus_1",
        "subscription": "sub_1",
        "status": "active",
        "current_phase": {
            "start_date": shop.seconds(begins),
            "end_date": shop.seconds(changes),
        },
        "phases": phases,
        **changed,
    }


def running(**changed: Any) -> dict[str, Any]:
    return shop.subscription(NOW + 14 * DAY, schedule="sub_sched_1", **changed)


@pytest.mark.parametrize(
    ("changes_in", "found"),
    [
        pytest.param(14 * DAY + LOOK_AHEAD + SECOND, 0, id="not-yet"),
        pytest.param(14 * DAY + LOOK_AHEAD, 1, id="due-within-the-tick"),
        pytest.param(24 * HOUR + SECOND, 1, id="just-in-time"),
        pytest.param(24 * HOUR, 0, id="too-late-to-act"),
    ],
)
def test_the_window(engine: Engine, changes_in: timedelta, found: int) -> None:
    shop.mirror(engine, running(), price(3400), schedule(changes_in))

    assert [shop.scan(engine, settings=ONLY_THESE) for _ in range(2)] == [found, 0]
    at = NOW + changes_in
    key = f":test:price_change:sub_1:price_2:{shop.seconds(at)}"
    expected = [(key, at - 14 * DAY, at - DAY)] if found else []
    assert shop.rows(engine, "key, due_at, expires_at") == expected


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([price(3400)], None, id="increase"),
        pytest.param([price(2900)], "price_unchanged", id="as-before"),
        pytest.param([price(2899)], "decrease", id="decrease"),
        pytest.param([price(None)], None, id="depends-on-use"),
        pytest.param([price(3400), schedule(status="released")], "reverted", id="released"),
        pytest.param([price(3400), schedule(15 * DAY)], "reverted", id="another-day"),
        pytest.param(
            [price(3400), schedule(to="price_1", quantity=2)], "price_unchanged", id="more-seats"
        ),
        pytest.param([price(3400), running(status="canceled")], "canceled", id="canceled"),
        pytest.param(
            [price(3400), running(cancel_at_period_end=True)], "cancel_set", id="cancel-set"
        ),
    ],
)
def test_what_stops_it(engine: Engine, tmp_path: Any, also: list[Any], reason: str | None) -> None:
    shop.mirror(engine, shop.customer(), running(), schedule())
    shop.scan(engine, settings=ONLY_THESE)
    shop.mirror(engine, *also, at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


def test_a_price_nobody_knows_yet_is_waited_for(engine: Engine) -> None:
    shop.mirror(engine, shop.customer(), running(), schedule())
    shop.scan(engine, settings=ONLY_THESE)

    outcomes = shop.deliver_due(engine, "file:///nonexistent", NOW)
    assert outcomes == [RetryIn(3600.0, "price_unknown")]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(schedule(to="price_1", quantity=3), id="seats-only"),
        pytest.param(schedule(status="canceled"), id="canceled"),
        pytest.param(schedule(phases=schedule()["phases"][:1]), id="last-phase"),
    ],
)
def test_what_is_no_candidate_leaves_no_trace(engine: Engine, plan: dict[str, Any]) -> None:
    shop.mirror(engine, running(), price(3400), plan)

    assert shop.scan(engine, settings=ONLY_THESE) == 0


def test_both_prices_are_told(engine: Engine, tmp_path: Any) -> None:
    shop.mirror(engine, shop.customer(), running(), price(3400), schedule())
    shop.scan(engine, settings=ONLY_THESE)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW)
    (mail,) = (path.read_text() for path in tmp_path.iterdir())

    assert "$29.00 for 1 month" in mail
    assert "$34.00 for 1 month" in mail
