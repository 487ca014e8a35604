"""Monthly recurring revenue: the vectors of the reference, and what counts at all."""

from decimal import Decimal
from typing import Any

import pytest

from sync.crm.discounts import Discount
from sync.crm.mrr import mrr_minor
from tests.crm.known import item, subscription


def mrr(*subscriptions: Any, **given: Any) -> int:
    return mrr_minor(subscriptions, "usd", **given)


def of(*items: Any, **given: Any) -> Any:
    return subscription(items=items, **given)


def off(percent: int | None = None, amount: int | None = None, *, forever: bool = True) -> Discount:
    return Discount(
        coupon="C",
        percent_off=None if percent is None else Decimal(percent),
        amount_off_minor=amount,
        forever=forever,
    )


YEARLY = item(120_000, interval="year")


@pytest.mark.parametrize(
    ("counted", "minor"),
    [
        pytest.param(of(item(10_000)), 10_000, id="monthly"),
        pytest.param(of(item(60_000, interval="year")), 5_000, id="yearly"),
        pytest.param(of(item(1_000, interval="week")), 4_333, id="weekly-52-of-12"),
        pytest.param(of(item(100, interval="day")), 3_042, id="daily-365-of-12"),
        pytest.param(of(item(5_000, interval_count=2)), 2_500, id="every-two-months"),
        pytest.param(of(item(12_000, interval="year", interval_count=2)), 500, id="two-years"),
        pytest.param(of(item(1_000, 3), item(450)), 3_450, id="several-items"),
        pytest.param(of(item(6, interval="year")), 0, id="half-to-even-down"),
        pytest.param(of(item(18, interval="year")), 2, id="half-to-even-up"),
        pytest.param(of(*[item(4, interval="year")] * 3), 1, id="rounded-once-at-the-end"),
        pytest.param(of(item(None)), 0, id="tiers"),
        pytest.param(of(item(metered=True)), 0, id="metered"),
        pytest.param(of(item(interval=None)), 0, id="no-interval"),
        pytest.param(of(YEARLY, discounts=(off(50),)), 5_000, id="half-off-for-ever"),
        pytest.param(of(YEARLY, discounts=(off(50, forever=False),)), 10_000, id="half-off-once"),
        pytest.param(
            of(item(100_000, interval="year"), discounts=(off(amount=50_000),)),
            4_167,
            id="500-off-a-1000-year",
        ),
        pytest.param(of(item(), discounts=(off(amount=5_000),)), 0, id="never-below-zero"),
        pytest.param(of(item(), discounts=(off(amount=100), off(50))), 400, id="percent-first"),
    ],
)
def test_what_a_subscription_brings_each_month(counted: Any, minor: int) -> None:
    assert mrr(counted) == minor


@pytest.mark.parametrize(
    ("given", "minor"),
    [
        ({"status": "active"}, 1_000),
        ({"status": "past_due"}, 1_000),
        ({"status": "trialing"}, 0),
        ({"status": "unpaid"}, 0),
        ({"status": "paused"}, 0),
        ({"status": "incomplete"}, 0),
        ({"status": "canceled"}, 0),
        ({"pauses_collection": "void"}, 0),
        ({"currency": "eur"}, 0),
        ({"cancel_at_period_end": True}, 1_000),
    ],
    ids=str,
)
def test_which_subscriptions_count(given: dict[str, Any], minor: int) -> None:
    assert mrr(subscription(**given)) == minor


def test_a_customers_discount_works_where_the_subscription_has_none() -> None:
    own = subscription(discounts=(off(10),))

    assert mrr(subscription(), own, customer_discounts=(off(50),)) == 500 + 900
