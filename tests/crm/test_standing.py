"""One status, one lifecycle stage, one renewal date over all of a customer's subscriptions."""

import pytest

from sync.crm.standing import billing_lifecycle, main_subscription
from sync.mirror.facts import SubscriptionFacts
from tests.crm.known import day, fields, known, subscription

BEST_FIRST = "active trialing past_due paused unpaid incomplete canceled incomplete_expired".split()
PAUSES = subscription(id="sub_2", pause_collection_behavior="void")
ENDS = subscription(cancel_at_period_end=True)


@pytest.mark.parametrize(
    ("better", "worse"), list(zip(BEST_FIRST, [*BEST_FIRST[1:], "new_status"], strict=True))
)
def test_the_best_status_stands_for_the_customer(better: str, worse: str) -> None:
    pair = [subscription(worse, id="sub_2", created=day(9)), subscription(better)]

    assert fields(known(*pair))["status"] == better


@pytest.mark.parametrize(
    ("subscriptions", "status"),
    [
        pytest.param([], None, id="none"),
        pytest.param([PAUSES], "paused", id="collection-paused"),
        pytest.param([PAUSES, subscription("past_due")], "past_due", id="paused-is-below-past-due"),
        pytest.param(
            [subscription("unpaid", pause_collection_behavior="void")],
            "unpaid",
            id="unpaid-stays-unpaid",
        ),
        pytest.param(
            [subscription("canceled", pause_collection_behavior="void")],
            "canceled",
            id="ended-stays-ended",
        ),
    ],
)
def test_pausing_collection_counts_as_paused(
    subscriptions: list[SubscriptionFacts], status: str | None
) -> None:
    assert fields(known(*subscriptions))["status"] == status


@pytest.mark.parametrize(
    ("subscriptions", "stage"),
    [
        pytest.param([], "lead", id="never-subscribed"),
        pytest.param([subscription("incomplete")], "lead", id="first-payment-missing"),
        pytest.param([subscription("incomplete_expired")], "lead", id="first-payment-never-came"),
        pytest.param([subscription("trialing")], "trialing", id="trial"),
        pytest.param(
            [subscription("trialing", cancel_at=day(9))], "at_risk", id="trial-that-will-end"
        ),
        pytest.param([subscription()], "active", id="active"),
        pytest.param([ENDS], "at_risk", id="end-is-scheduled"),
        pytest.param([ENDS, subscription(id="sub_2")], "active", id="another-goes-on"),
        pytest.param([subscription("past_due")], "at_risk", id="late"),
        pytest.param([subscription("unpaid")], "at_risk", id="unpaid"),
        pytest.param([PAUSES], "paused", id="paused"),
        pytest.param([subscription("canceled")], "churned", id="ended"),
        pytest.param(
            [subscription("canceled"), subscription("incomplete", id="sub_2")],
            "churned",
            id="ended-and-not-back-yet",
        ),
    ],
)
def test_where_a_customer_stands_in_life(
    subscriptions: list[SubscriptionFacts], stage: str
) -> None:
    assert billing_lifecycle(known(*subscriptions)) == stage


@pytest.mark.parametrize(
    ("subscriptions", "renews"),
    [
        pytest.param([subscription()], "2026-02-01T00:00:00Z", id="active"),
        pytest.param([subscription("trialing")], "2026-02-01T00:00:00Z", id="trial"),
        pytest.param([subscription("past_due")], "2026-02-01T00:00:00Z", id="late"),
        pytest.param([ENDS], None, id="ends-with-the-period"),
        pytest.param([subscription(cancel_at=day(9))], None, id="ends-on-a-day"),
        pytest.param([PAUSES], None, id="paused"),
        pytest.param([subscription("paused")], None, id="paused-by-stripe"),
        pytest.param([subscription("unpaid")], None, id="unpaid"),
        pytest.param([subscription("canceled")], None, id="ended"),
        pytest.param(
            [subscription(), subscription(id="sub_2", current_period_end=day(5)), ENDS],
            "2026-01-06T00:00:00Z",
            id="the-earliest-of-those-that-renew",
        ),
    ],
)
def test_when_the_next_renewal_is_due(
    subscriptions: list[SubscriptionFacts], renews: str | None
) -> None:
    assert fields(known(*subscriptions))["next_renewal_at"] == renews


def test_of_equals_the_latest_stands_for_the_customer() -> None:
    older = subscription("canceled", ended_at=day(5), created=day(4))
    newer = subscription("canceled", id="sub_2", ended_at=day(6), created=day(1))

    assert main_subscription([newer, older]) == newer
    assert main_subscription([]) is None
