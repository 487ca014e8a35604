"""The history is the same whatever the order, repetition and batching of the events."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from app.simulator.disturb import disturb
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from sync.mirror.shapes import Json
from tests.history.fold import (
    content,
    coupon,
    discount,
    empty,
    event,
    fold,
    price,
    standing,
    subscription,
)

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
UPDATED = "customer.subscription.updated"
RELAXED = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def split(events: Sequence[Json], rng: random.Random) -> Iterator[Sequence[Json]]:
    """Cut `events` into batches of random sizes."""
    begin = 0
    while begin < len(events):
        size = rng.choice([1, 2, 3, 7, 40])
        yield events[begin : begin + size]
        begin += size


@cache
def life_of(life: str, seed: int) -> Any:
    return simulate(seed, life, start=START)


def same_in_any_order(engine: Engine, events: Sequence[Json], chaos: int) -> None:
    rng = random.Random(chaos)
    empty(engine)
    fold(engine, [events])
    in_order = content(engine)
    empty(engine)
    window = rng.choice([None, None, 5, 40])
    fold(engine, split(disturb(events, rng, duplicates=0.3, window=window), rng))

    assert content(engine) == in_order


@RELAXED
@given(life=st.sampled_from(sorted(LIVES)), seed=st.integers(0, 500), chaos=st.integers(0, 999))
def test_any_order_of_a_life_ends_in_the_same_history(
    engine: Engine, life: str, seed: int, chaos: int
) -> None:
    """And its last state is the one that Stripe holds."""
    history = life_of(life, seed)
    same_in_any_order(engine, history.events, chaos)

    now = standing(engine, datetime(2100, 1, 1, tzinfo=UTC))
    held = {of: shown for (kind, of), shown in history.objects.items() if kind == "subscription"}
    assert {of: row.status for of, row in now.items()} == {
        of: shown["status"] for of, shown in held.items()
    }


TIERS = [{"up_to": 5, "unit_amount": 500}, {"up_to": None, "unit_amount": 400}]
TIERED = price(None, id="price_tiers", tiers_mode="graduated", billing_scheme="tiered")
SEATS = {"id": "si_seats", "object": "subscription_item", "price": TIERED, "quantity": 7}
WITH_ITEM_DISCOUNT = {
    "id": "si_x",
    "object": "subscription_item",
    "price": price(3_000, id="price_x"),
    "quantity": 2,
    "discounts": ["di_item"],
}
OTHERS = {"id": "sub_2", "customer": "cus_1"}
TALE: tuple[Json, ...] = (
    event(1, "coupon.created", 0, coupon()),
    event(2, "coupon.created", 0, coupon("TEN", percent_off=10.0, duration="repeating")),
    event(3, "coupon.created", 0, coupon("FIVE", percent_off=None, amount_off=500, currency="usd")),
    event(4, "price.created", 1, {**TIERED, "tiers": TIERS}),
    event(5, "customer.subscription.created", 10, subscription(discounts=["di_1"])),
    event(6, "customer.discount.created", 10, discount("TEN", subscription="sub_1", end=500)),
    event(7, UPDATED, 10, subscription(SEATS, discounts=["di_1"]), {"items": {"data": [1]}}),
    event(8, UPDATED, 60, subscription(SEATS, WITH_ITEM_DISCOUNT), {"discounts": ["di_1"]}),
    event(9, "customer.discount.created", 60, discount("FIVE", "di_item", subscription="sub_1")),
    event(10, "customer.subscription.created", 20, subscription(**OTHERS)),
    event(11, "customer.discount.created", 90, discount("HALF", "di_all", start=90)),
    event(12, "customer.discount.created", 120, discount("TEN", "di_next", start=120, end=700)),
    event(13, "customer.discount.deleted", 150, discount("TEN", "di_next", start=120, end=700)),
    event(14, UPDATED, 200, subscription(**OTHERS, status="past_due"), {"status": "active"}),
    event(15, UPDATED, 200, subscription(**OTHERS), {"status": "past_due"}),
    event(16, UPDATED, 200, subscription(**OTHERS, status="past_due"), {"status": "active"}),
    event(17, "coupon.deleted", 300, coupon()),
    event(18, "customer.subscription.deleted", 900, subscription(**OTHERS, status="canceled")),
)


@RELAXED
@given(chaos=st.integers(0, 99_999))
def test_discounts_coupons_and_tiers_may_come_at_any_time(engine: Engine, chaos: int) -> None:
    same_in_any_order(engine, TALE, chaos)

    with engine.connect() as conn:
        waiting = conn.execute(
            text("SELECT count(*) FROM evergreen.subscription_history WHERE missing <> '{}'")
        )
        assert waiting.scalar_one() == 0


@pytest.mark.parametrize(
    "batches",
    [
        [[0], [1], [2], [3]],
        [[3], [2], [1], [0]],
        [[2], [3], [1], [0]],
        [[2, 3], [1], [0]],
        [[0, 1], [2, 3]],
        [[1, 2, 3, 0]],
    ],
    ids=str,
)
@pytest.mark.parametrize(("stood", "last"), [("past_due", "evt_4"), ("active", "evt_3")])
def test_a_circle_within_a_second_is_settled_by_what_stood_before(
    engine: Engine, batches: list[list[int]], stood: str, last: str
) -> None:
    late = {"status": "past_due"}
    told = [
        event(1, "customer.subscription.created", 100, subscription(status="trialing")),
        event(2, UPDATED, 150, subscription(status=stood), {"status": "trialing"}),
        event(3, UPDATED, 200, subscription(), late),
        event(4, UPDATED, 200, subscription(**late), {"status": "active"}),
    ]
    fold(engine, [[told[index] for index in batch] for batch in batches])

    now = standing(engine, datetime(2100, 1, 1, tzinfo=UTC))
    assert now["sub_1"].event_id == last
