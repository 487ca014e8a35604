"""A higher price is announced before it comes, where the customer did not ask for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import phases, samples
from notifications.kind import LOOK_AHEAD
from notifications.policy import parse_renewal_reminders
from notifications.subscribed import net_price
from notifications.terms import PriceFacts, Terms
from notifications.wording import Money
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

    assert "$29.00 per month" in mail
    assert "$34.00 per month" in mail


REMINDERS = [
    pytest.param({}, 11 * DAY, "Price: $34.00 per month", id="renewal"),
    pytest.param(
        {"status": "trialing", "trial_end": shop.seconds(NOW + 14 * DAY)},
        7 * DAY,
        "Price after that: $34.00 per month",
        id="trial",
    ),
]


@pytest.mark.parametrize(("sold", "then", "told"), REMINDERS)
def test_whoever_is_reminded_of_that_day_hears_its_price(
    engine: Engine, tmp_path: Any, sold: dict[str, Any], then: timedelta, told: str
) -> None:
    """What the next phase charges, not what the present one does."""
    shop.mirror(engine, shop.customer(), running(**sold), price(3400), schedule())
    shop.scan(engine, NOW + then)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW + then)

    assert any(told in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize(("sold", "then", "_told"), REMINDERS)
def test_no_reminder_tells_a_price_that_nobody_knows_yet(
    engine: Engine, sold: dict[str, Any], then: timedelta, _told: str
) -> None:
    shop.mirror(engine, shop.customer(), running(**sold), schedule())
    shop.scan(engine, NOW + then)

    outcomes = shop.deliver_due(engine, "file:///nonexistent", NOW + then)
    assert set(outcomes) == {RetryIn(3600.0, "price_unknown")}


def known_price(id_: str, amount_minor: int, interval: str = "month") -> PriceFacts:
    return PriceFacts(
        id=id_,
        product_name=None,
        currency="usd",
        unit_amount_minor=amount_minor,
        interval=interval,
        interval_count=1,
    )


@pytest.mark.parametrize(
    ("phase", "price_minor"),
    [
        pytest.param([("price_2", "month")], 3400, id="of-the-same-period"),
        pytest.param([("price_2", "month"), ("price_3", "year")], 3400, id="another-day"),
        pytest.param([("price_3", "year")], 30000, id="another-period"),
        pytest.param([("price_1", "month")], 2900, id="as-before"),
    ],
)
def test_of_a_phase_only_what_renews_that_day_counts(
    phase: list[tuple[str, str]], price_minor: int
) -> None:
    amounts = {"price_2": 3400, "price_3": 30000}
    known = {
        id_: known_price(id_, amounts[id_], interval) for id_, interval in phase if id_ in amounts
    }
    plan = {"start_date": shop.seconds(NOW), "items": [{"price": id_} for id_, _ in phase]}
    terms = Terms(schedule={"status": "active", "phases": [plan]}, prices=known)
    item = replace(samples.ITEM, price="price_1")

    found = phases.sold_from([item], terms, NOW)
    assert found is not None
    ((amount, _),) = net_price(found, terms, NOW).lines
    assert amount == Money(price_minor, "usd")
    assert phases.sold_from([item], terms, NOW - SECOND) == (item,)


@pytest.mark.parametrize(
    ("status", "begins", "price"),
    [
        pytest.param("active", [-30 * DAY, 14 * DAY], "price_1", id="later"),
        pytest.param("active", [-30 * DAY, 10 * DAY], "price_2", id="on-that-day"),
        pytest.param("active", [-30 * DAY, 5 * DAY], "price_2", id="before-that-day"),
        pytest.param("active", [-60 * DAY, -30 * DAY], "price_1", id="the-present-one"),
        pytest.param("released", [-30 * DAY, 5 * DAY], "price_1", id="given-up"),
    ],
)
def test_the_phase_in_force_that_day_counts(
    status: str, begins: list[timedelta], price: str
) -> None:
    item = replace(samples.ITEM, price="price_1")
    known = {"price_2": known_price("price_2", 3400)}
    present = max(at for at in begins if at <= timedelta(0))
    plan = {
        "status": status,
        "current_phase": {"start_date": shop.seconds(NOW + present)},
        "phases": [
            {"start_date": shop.seconds(NOW + at), "items": [{"price": "price_2"}]} for at in begins
        ],
    }

    (found,) = phases.sold_from([item], Terms(schedule=plan, prices=known), NOW + 10 * DAY) or ()
    assert found.price == price
