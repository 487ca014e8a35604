"""A discount's end is announced a week ahead, with the price before and after."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kind import LOOK_AHEAD
from notifications.kinds import promo_ending
from notifications.policy import parse_renewal_reminders
from notifications.wording import Money, Period, Price
from sync.changes import Done, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

ONLY_THESE = shop.policy(renewal_reminders=parse_renewal_reminders(""))
COUPON = {"id": "half", "object": "coupon", "percent_off": 50, "duration": "repeating"}


def monthly(amount_minor: int) -> Price:
    return Price(((Money(amount_minor, "usd"), Period("month", 1)),))


def discount(ends_in: timedelta = 7 * DAY, **changed: Any) -> dict[str, Any]:
    return {
        "id": "di_1",
        "object": "discount",
        "customer": "cus_1",
        "subscription": "sub_1",
        "source": {"type": "coupon", "coupon": "half"},
        "start": shop.seconds(NOW - 60 * DAY),
        "end": shop.seconds(NOW + ends_in),
        **changed,
    }


def discounted(**changed: Any) -> dict[str, Any]:
    return shop.subscription(NOW + 20 * DAY, **{"discounts": ["di_1"], **changed})


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
    shop.mirror(engine, COUPON, discount(ends_in), discounted())

    assert [shop.scan(engine, settings=ONLY_THESE) for _ in range(2)] == [found, 0]
    ends = NOW + ends_in
    key = f":test:promo_ending:sub_1:{shop.seconds(ends)}"
    expected = [(key, ends - 7 * DAY, ends - DAY)] if found else []
    assert shop.rows(engine, "key, due_at, expires_at") == expected


@pytest.mark.parametrize(
    ("also", "subjects"),
    [
        pytest.param([discount()], ["sub_1"], id="on-a-subscription"),
        pytest.param(
            [discount(subscription_item="si_1", subscription=None)], ["si_1"], id="on-an-item"
        ),
        pytest.param([discount(subscription=None)], ["sub_1"], id="on-all-of-a-customer"),
        pytest.param([discount(subscription=None, invoice="in_1")], [], id="on-an-invoice"),
        pytest.param([discount(), discount(id="di_2")], ["sub_1"], id="two-at-once"),
        pytest.param([discount(end=None)], [], id="for-ever"),
    ],
)
def test_what_a_discount_is_on(engine: Engine, also: list[Any], subjects: list[str]) -> None:
    shop.mirror(engine, COUPON, *also, discounted())
    shop.scan(engine, settings=ONLY_THESE)

    end = shop.seconds(NOW + 7 * DAY)
    keys = [(f":test:promo_ending:{subject}:{end}",) for subject in subjects]
    assert shop.rows(engine, "key") == keys


def test_an_introductory_offer_ends(engine: Engine, tmp_path: Any) -> None:
    trial = {"start_date": 1, "end_date": shop.seconds(NOW + 7 * DAY), "trial_offer": "to_1"}
    offered = shop.subscription(NOW + 7 * DAY, items=[shop.item(current_trial=trial)])
    shop.mirror(engine, shop.customer(), offered)
    shop.scan(engine, settings=ONLY_THESE)

    assert [type(one) for one in shop.deliver_due(engine, tmp_path.as_uri(), NOW)] == [Done]
    end = shop.seconds(NOW + 7 * DAY)
    assert shop.rows(engine, "key, subject ->> 'item'") == [
        (f":test:promo_ending:si_1:{end}", "si_1")
    ]


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="goes-up"),
        pytest.param([discounted(discounts=[])], "date_moved", id="taken-away"),
        pytest.param([discount(8 * DAY)], "date_moved", id="longer"),
        pytest.param([discounted(cancel_at_period_end=True)], "cancel_set", id="cancel-set"),
        pytest.param([discounted(status="past_due")], "past_due", id="past-due"),
        pytest.param(
            [discounted(items=[shop.item(unit_amount=0)])], "price_unchanged", id="free-anyway"
        ),
    ],
)
def test_what_stops_it(engine: Engine, tmp_path: Any, also: list[Any], reason: str | None) -> None:
    shop.mirror(engine, shop.customer(), COUPON, discount(), discounted())
    shop.scan(engine, settings=ONLY_THESE)
    shop.mirror(engine, *also, at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)
    if reason is None:
        (mail,) = (path.read_text() for path in tmp_path.iterdir())
        assert "$14.50" in mail
        assert "$29.00" in mail


@pytest.mark.parametrize(
    ("sample", "old", "new"),
    [
        pytest.param("discount", monthly(1450), monthly(2900), id="discount"),
        pytest.param("coupon-unknown", None, monthly(2900), id="coupon-unknown"),
        pytest.param("offer", monthly(2900), None, id="offer"),
    ],
)
def test_both_prices_as_far_as_they_are_known(
    sample: str, old: Price | None, new: Price | None
) -> None:
    case = promo_ending.sample_cases(shop.policy())[sample]
    known = promo_ending.context(case)

    assert (known["old_price"], known["price"]) == (old, new)


def test_a_coupon_nobody_knows_does_not_stop_it() -> None:
    case = promo_ending.sample_cases(shop.policy())["coupon-unknown"]
    known = replace(case, terms=replace(case.terms, is_complete=True))

    assert promo_ending.check(case) is None
    assert promo_ending.check(known) == Skipped("price_unchanged")
