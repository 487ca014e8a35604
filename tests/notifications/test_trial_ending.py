"""A trial's end is announced a week ahead, and a short one's when it begins."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kind import LOOK_AHEAD
from notifications.kinds import trial_ending
from sync.changes import Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND


def trial(ends_in: timedelta = 7 * DAY, began: timedelta = 30 * DAY, **changed: Any) -> Any:
    return shop.subscription(
        NOW + ends_in,
        status="trialing",
        trial_start=shop.seconds(NOW - began),
        trial_end=shop.seconds(NOW + ends_in),
        **changed,
    )


@pytest.mark.parametrize(
    ("ends_in", "found"),
    [
        pytest.param(7 * DAY + LOOK_AHEAD + SECOND, 0, id="not-yet"),
        pytest.param(7 * DAY + LOOK_AHEAD, 1, id="due-within-the-tick"),
        pytest.param(24 * HOUR + SECOND, 1, id="just-in-time"),
        pytest.param(24 * HOUR, 0, id="too-late-to-act"),
    ],
)
def test_the_window(engine: Engine, ends_in: timedelta, found: int) -> None:
    shop.mirror(engine, trial(ends_in))

    assert [shop.scan(engine), shop.scan(engine)] == [found, 0]


@pytest.mark.parametrize(
    ("began", "due_in"),
    [
        pytest.param(10 * DAY, -2 * DAY, id="a-week-ahead"),
        pytest.param(2 * DAY, -2 * DAY, id="of-a-week"),
        pytest.param(DAY, -DAY, id="short"),
    ],
)
def test_when_it_is_due(engine: Engine, began: timedelta, due_in: timedelta) -> None:
    ends_in = 5 * DAY
    shop.mirror(engine, trial(ends_in, began))
    shop.scan(engine)

    key = f":test:trial_ending:sub_1:{shop.seconds(NOW + ends_in)}"
    found = shop.rows(engine, "key, due_at, expires_at, subject ->> 'late'")
    assert found == [(key, NOW + due_in, NOW + ends_in - DAY, "true")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({}, None, id="goes-on"),
        pytest.param({"status": "active"}, "converted", id="converted"),
        pytest.param({"status": "canceled"}, "canceled", id="canceled"),
        pytest.param({"cancel_at_period_end": True}, "cancel_set", id="cancel-set"),
        pytest.param({"cancel_at": shop.seconds(NOW + 7 * DAY)}, "cancel_set", id="cancel-at-end"),
        pytest.param({"cancel_at": shop.seconds(NOW + 8 * DAY)}, None, id="cancel-later"),
        pytest.param({"trial_end": shop.seconds(NOW + 8 * DAY)}, "date_moved", id="moved"),
        pytest.param({"pause_collection": {"behavior": "void"}}, "paused", id="paused"),
        pytest.param({"items": [shop.item(unit_amount=0)]}, "free", id="free"),
        pytest.param({"items": [shop.item(unit_amount=None)]}, None, id="metered"),
    ],
)
def test_what_stops_it(
    engine: Engine, tmp_path: Any, changed: dict[str, Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), trial())
    shop.scan(engine)
    shop.mirror(engine, {**trial(items=changed.pop("items", ())), **changed}, at=NOW + SECOND)
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert [one for one in outcomes if isinstance(one, Skipped)] == (
        [Skipped(reason)] if reason else []
    )


@pytest.mark.parametrize(
    ("sample", "price", "card"),
    [
        pytest.param("card", [2900], "Visa ••4242", id="list-price"),
        pytest.param("discounted", [1450], "Visa ••4242", id="discounted"),
        pytest.param("metered", [], None, id="metered"),
    ],
)
def test_the_first_amount_is_after_discounts(
    sample: str, price: list[int], card: str | None
) -> None:
    known = trial_ending.context(trial_ending.sample_cases(shop.policy())[sample])

    assert [amount.amount_minor for amount, _ in known["price"].lines] == price
    assert known["card"] == card
