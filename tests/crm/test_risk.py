"""Churn risk: every reason by itself, both sides of each boundary."""

from datetime import date, timedelta
from typing import Any

import pytest

from sync.crm.facts import Facts
from sync.crm.risk import POINTS
from sync.crm.snapshot import picture
from tests.crm.known import NOW, customer, day, fields, invoice, known, subscription, takings
from tests.crm.test_revenue import state

CARD = {"default_payment_method": "pm_1"}


def with_card(expires: date, **given: Any) -> Facts:
    return known(subscription(**CARD), card_expires={"pm_1": expires}, **given)


def downgraded(days_ago: int) -> list[Any]:
    then = NOW - timedelta(days=days_ago)
    return [state(then - timedelta(days=400), 1000, ends_at=then), state(then, 500)]


FAILED = takings(off_stripe=frozenset({"in_1"}))


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        pytest.param(known(subscription()), [], id="nothing"),
        pytest.param(
            known(subscription(cancel_at_period_end=True)), ["cancel_scheduled"], id="will-end"
        ),
        pytest.param(known(subscription("past_due")), ["payment_late"], id="late"),
        pytest.param(known(subscription("unpaid")), ["payment_late"], id="unpaid"),
        pytest.param(
            known(subscription(pause_collection_behavior="void")), ["paused"], id="paused"
        ),
        pytest.param(
            known(subscription("past_due"), invoices=(invoice("open"),)),
            ["payment_late", "retries_exhausted"],
            id="no-retry-left",
        ),
        pytest.param(with_card(day(40).date()), ["card_expires_soon"], id="card-in-30-days"),
        pytest.param(with_card(day(41).date()), [], id="card-in-31-days"),
        pytest.param(
            known(subscription("trialing")), ["trial_without_payment_method"], id="trial-no-card"
        ),
        pytest.param(known(subscription("trialing", **CARD)), [], id="trial-with-card"),
        pytest.param(
            known(subscription("trialing"), customer=customer(**CARD)), [], id="trial-theirs"
        ),
        pytest.param(
            known(subscription(), revenue=downgraded(89)), ["downgraded_lately"], id="downgraded"
        ),
        pytest.param(known(subscription(), revenue=downgraded(90)), [], id="long-ago"),
        pytest.param(
            known(subscription(), takings=FAILED, invoices=(invoice(attempt_count=3),)),
            ["payments_fail_often"],
            id="three-failures",
        ),
        pytest.param(
            known(subscription(), takings=FAILED, invoices=(invoice(attempt_count=2),)),
            [],
            id="two-failures",
        ),
    ],
)
def test_why_somebody_may_leave(facts: Facts, reasons: list[str]) -> None:
    shown = fields(facts)

    assert shown["churn_risk_reasons"] == reasons
    assert shown["churn_risk"] == sum(POINTS[reason] for reason in reasons)


@pytest.mark.parametrize(
    ("facts", "band"),
    [
        (known(subscription()), "low"),
        (known(subscription(pause_collection_behavior="void")), "medium"),
        (known(subscription("past_due", cancel_at=day(20))), "high"),
        (known(subscription("canceled")), None),
        (known(), None),
    ],
    ids=["low", "medium", "high", "gone", "never-there"],
)
def test_how_loud_to_be(facts: Facts, band: str | None) -> None:
    assert fields(facts)["churn_risk_band"] == band


@pytest.mark.parametrize(
    "facts",
    [with_card(day(60).date()), known(subscription(), revenue=downgraded(30))],
    ids=["card", "downgrade"],
)
def test_the_snapshot_is_looked_at_again_when_time_changes_it(facts: Facts) -> None:
    shown = picture(facts, NOW)
    assert shown.look_at is not None

    before, after = shown.look_at - timedelta(seconds=1), shown.look_at
    assert fields(facts, before) == shown.fields
    assert fields(facts, after)["churn_risk"] != shown.fields["churn_risk"]
