"""Who stood how at an instant, and what that brought, whatever came late."""

from collections.abc import Mapping, Sequence
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from sync import history
from sync.changes import Change
from sync.history.tables import HISTORY, ITEMS
from sync.mirror.shapes import Json
from tests.history.fold import (
    at,
    coupon,
    discount,
    event,
    fold,
    fold_one,
    price,
    standing,
    subscription,
)

CREATED, UPDATED = "customer.subscription.created", "customer.subscription.updated"
DISCOUNTED = "customer.discount.created"
WHOLE, HALF, NINE_TENTHS = 1_000_000_000, 500_000_000, 900_000_000


def brought(engine: Engine, second: int, of: str = "sub_1") -> tuple[int, int, int] | None:
    """Return the three amounts at `second`; None before the first state."""
    row = standing(engine, at(second)).get(of)
    if row is None:
        return None
    return (
        row.mrr_list_micro_minor,
        row.mrr_net_forever_micro_minor,
        row.mrr_net_all_micro_minor,
    )


def net(engine: Engine, *seconds: int) -> list[int | None]:
    """Return what is left after all discounts at each of `seconds`."""
    found = [brought(engine, second) for second in seconds]
    return [each and each[2] for each in found]


def known_states(engine: Engine, **where: Any) -> int:
    query = select(func.count()).select_from(HISTORY)
    with engine.connect() as conn:
        return int(conn.execute(query.filter_by(**where)).scalar_one())


def test_a_state_holds_from_its_second_until_the_next_ones(engine: Engine) -> None:
    told = [
        event(3, "customer.subscription.deleted", 300, subscription(status="canceled")),
        event(1, CREATED, 100, subscription(status="trialing")),
        event(2, UPDATED, 200, subscription(), {"status": "trialing"}),
    ]
    fold(engine, [told])

    assert net(engine, 99, 100, 199, 200, 299, 300) == [None, 0, 0, WHOLE, WHOLE, 0]
    assert known_states(engine) == 3


def test_the_last_state_of_a_second_stands_and_the_others_are_kept(engine: Engine) -> None:
    dear, cheap = price(9_000, id="price_2"), price()
    now_dear = {"items": {"data": [{"id": "si_0", "price": cheap}]}}
    told = [
        event(2, UPDATED, 100, subscription(dear), now_dear),
        event(1, CREATED, 100, subscription(cheap)),
    ]
    fold(engine, [[each] for each in told])

    assert standing(engine, at(100))["sub_1"].event_id == "evt_2"
    assert known_states(engine) == 2
    assert known_states(engine, last_in_second=False) == 1


def test_items_stand_beside_each_state(engine: Engine) -> None:
    shown = subscription(price(), price(300, id="price_2", product="prod_2"))
    fold(engine, [[event(1, CREATED, 0, shown)]])
    with engine.connect() as conn:
        rows = conn.execute(select(ITEMS).order_by(ITEMS.c.item)).all()

    assert [(row.item, row.price, row.product) for row in rows] == [
        ("si_0", "price_1", "prod_1"),
        ("si_1", "price_2", "prod_2"),
    ]
    assert [row.mrr_list_micro_minor for row in rows] == [WHOLE, 300_000_000]


def test_a_discount_that_ends_raises_what_is_left_without_any_event(engine: Engine) -> None:
    ends = discount(coupon(duration="repeating"), end=500)
    fold(engine, [[event(1, CREATED, 100, subscription(discounts=[ends]))]])

    assert brought(engine, 499) == (WHOLE, WHOLE, HALF)
    assert brought(engine, 500) == (WHOLE, WHOLE, WHOLE)
    assert standing(engine, at(500))["sub_1"].source == "discount"


def test_the_end_of_a_discount_that_takes_nothing_off_leaves_no_row(engine: Engine) -> None:
    nothing = discount(coupon(percent_off=None, amount_off=100, currency="eur"), end=500)
    fold(engine, [[event(1, CREATED, 100, subscription(discounts=[nothing]))]])

    assert known_states(engine) == 1


def test_a_discount_that_a_state_shows_has_begun(engine: Engine) -> None:
    shown = subscription(discounts=[discount(coupon(), start=101)])
    fold(engine, [[event(1, CREATED, 100, shown)]])

    assert net(engine, 100) == [HALF]


def test_a_later_state_takes_the_place_of_what_an_earlier_one_foretold(engine: Engine) -> None:
    ends = discount(coupon(duration="repeating"), end=500)
    fold(engine, [[event(1, CREATED, 100, subscription(discounts=[ends]))]])
    fold(
        engine, [[event(2, "customer.subscription.deleted", 400, subscription(status="canceled"))]]
    )

    assert net(engine, 399, 400, 500, 600) == [HALF, 0, 0, 0]


def coming(*late: tuple[str, Json]) -> list[Sequence[Json]]:
    return [[event(number, kind, 100, shown)] for number, (kind, shown) in enumerate(late, 10)]


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(
            [("coupon.created", coupon()), (DISCOUNTED, discount("HALF", subscription="sub_1"))],
            id="coupon-then-discount",
        ),
        pytest.param(
            [(DISCOUNTED, discount("HALF", subscription="sub_1")), ("coupon.created", coupon())],
            id="discount-then-coupon",
        ),
        pytest.param([(DISCOUNTED, discount(coupon(), subscription="sub_1"))], id="both-in-one"),
    ],
)
def test_a_discount_that_comes_late_fills_in_the_amounts(
    engine: Engine, late: list[tuple[str, Json]]
) -> None:
    fold(engine, [[event(1, CREATED, 100, subscription(discounts=["di_1"]))]])
    assert brought(engine, 100) == (WHOLE, WHOLE, WHOLE)
    assert standing(engine, at(100))["sub_1"].missing == ["di_1"]

    fold(engine, coming(*late))
    assert brought(engine, 100) == (WHOLE, HALF, HALF)
    assert known_states(engine, missing=[]) == known_states(engine) == 1


@pytest.mark.parametrize("discount_first", [True, False])
def test_a_state_and_its_discount_in_two_hands_do_not_miss_each_other(
    engine: Engine, *, discount_first: bool
) -> None:
    """Neither sees what the other has not committed, so the second one waits."""
    told = [
        event(1, CREATED, 100, subscription(discounts=["di_1"])),
        event(2, DISCOUNTED, 100, discount(coupon(), subscription="sub_1")),
    ]
    first, second = reversed(told) if discount_first else told
    with engine.begin() as conn:
        fold_one(conn, [first])
        other_hand = Thread(target=fold, args=(engine, [[second]]))
        other_hand.start()
        other_hand.join(timeout=0.5)
        assert other_hand.is_alive()
    other_hand.join()

    assert net(engine, 100) == [HALF]


def test_tiers_that_come_late_fill_in_the_amounts(engine: Engine) -> None:
    tiered = price(None, tiers_mode="volume", billing_scheme="tiered")
    fold(engine, [[event(1, CREATED, 100, subscription(tiered))]])
    assert net(engine, 100) == [0]
    shown = {**tiered, "tiers": [{"up_to": None, "unit_amount": 1_000}]}
    fold(engine, [[event(2, "price.updated", 200, shown)]])
    # Events do not show tiers, and what they leave out they do not take back.
    fold(engine, [[event(3, "price.updated", 300, tiered, {"nickname": None})]])

    assert net(engine, 100) == [WHOLE]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        pytest.param({}, [WHOLE, HALF, HALF, HALF], id="from-200-on"),
        pytest.param({"end": 300}, [WHOLE, HALF, WHOLE, WHOLE], id="until-300"),
        pytest.param({"invoice": "in_1"}, [WHOLE] * 4, id="of-one-invoice-only"),
        pytest.param({"subscription": "sub_9"}, [WHOLE] * 4, id="of-another-subscription"),
        pytest.param({"customer": "cus_9"}, [WHOLE] * 4, id="of-another-customer"),
    ],
)
@pytest.mark.parametrize("early", [True, False], ids=["told-before", "told-after"])
def test_a_customers_discount_works_on_what_has_none_of_its_own(
    engine: Engine, given: Mapping[str, Any], left: list[int], *, early: bool
) -> None:
    fact = event(1, CREATED, 100, subscription())
    off = event(2, DISCOUNTED, 200, discount(coupon(), "di_all", start=200, **given))
    fold(engine, [[off], [fact]] if early else [[fact], [off]])

    assert net(engine, 199, 200, 300, 400) == left


def test_a_customers_discount_ends_when_it_is_taken_away_or_replaced(engine: Engine) -> None:
    fold(engine, [[event(1, CREATED, 100, subscription())]])
    half = discount(coupon(), "di_half", start=200)
    tenth = discount(coupon("TEN", percent_off=10), "di_tenth", start=300)
    fold(engine, [[event(2, DISCOUNTED, 200, half)], [event(3, DISCOUNTED, 300, tenth)]])
    fold(engine, [[event(4, "customer.discount.deleted", 400, tenth)]])

    assert net(engine, 199, 200, 300, 400) == [WHOLE, HALF, NINE_TENTHS, WHOLE]


def test_a_customers_discount_gives_way_to_the_subscriptions_own(engine: Engine) -> None:
    own = discount(coupon("TEN", percent_off=10.0), end=300)
    fold(engine, [[event(1, DISCOUNTED, 50, discount(coupon(), "di_all", start=50))]])
    fold(engine, [[event(2, CREATED, 100, subscription(discounts=[own]))]])

    assert net(engine, 100, 300) == [NINE_TENTHS, HALF]


def reading(second: int, shown: Json, *, deleted: bool = False) -> Change:
    return Change(
        account="",
        object="subscription",
        id="sub_1",
        before=None,
        after=shown,
        at=at(second),
        event_id="evt_that_asked",
        event_type=UPDATED,
        livemode=False,
        deleted=deleted,
    )


@pytest.mark.parametrize("event_first", [True, False])
def test_a_reading_is_a_state_at_its_second_unless_an_event_shares_it(
    engine: Engine, *, event_first: bool
) -> None:
    told = [event(1, UPDATED, 100, subscription())]
    if event_first:
        fold(engine, [told])
    with engine.begin() as conn:
        history.record_readings(conn, [reading(100, subscription(price(7_000)))])
        history.record_readings(conn, [reading(200, subscription(price(7_000)))])
    if not event_first:
        assert net(engine, 100) == [7 * WHOLE]
        fold(engine, [told])

    assert net(engine, 100, 200) == [WHOLE, 7 * WHOLE]
    assert standing(engine, at(200))["sub_1"].event_id == "api:sub_1:1700000200"


def test_a_subscription_that_stripe_does_not_know_brings_nothing(engine: Engine) -> None:
    fold(engine, [[event(1, CREATED, 100, subscription())]])
    with engine.begin() as conn:
        history.record_readings(conn, [reading(200, subscription(), deleted=True)])

    assert net(engine, 199, 200) == [WHOLE, 0]
    assert standing(engine, at(200))["sub_1"].status == "gone"
