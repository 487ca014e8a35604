"""Who lost a subscription to failed payments is shown the way back, thrice."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples, winback
from notifications.kinds import winback_delinquent
from notifications.wording import Money
from sync.changes import Done, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND


def left(at: datetime, **changed: Any) -> dict[str, Any]:
    return shop.ended(at, reason="payment_failed", **changed)


def test_three_mails_at_their_own_instants(engine: Engine) -> None:
    shop.mirror(engine, left(NOW))
    for hours in range(0, 25 * 24, 24):
        shop.scan(engine, NOW + hours * HOUR)

    found = shop.rows(engine, "kind, key, due_at, expires_at - due_at")
    assert found == [
        ("winback_delinquent", f":test:winback_delinquent:sub_1:{n}", NOW + n * DAY, 7 * DAY)
        for n in (14, 16, 23)
    ]


@pytest.mark.parametrize("reason", ["cancellation_requested", "payment_disputed", None])
def test_other_ends_are_none_of_its_business(engine: Engine, reason: Any) -> None:
    shop.mirror(engine, shop.ended(NOW - 14 * DAY, reason=reason))
    shop.scan(engine)

    assert [row for row in shop.rows(engine, "kind") if row[0] == "winback_delinquent"] == []


CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "customer": "cus_1",
    "status": "succeeded",
    "disputed": False,
    "refunded": False,
    "created": 2,
}


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="gone"),
        pytest.param([shop.subscription(id="sub_2")], "resubscribed", id="resubscribed"),
        pytest.param([left(NOW - 13 * DAY, id="sub_2")], "newer_end", id="left-again"),
        pytest.param([{**CHARGE, "disputed": True}], "disputed", id="disputed"),
        pytest.param([{**CHARGE, "refunded": True}], "refunded", id="refunded"),
        pytest.param(
            [CHARGE, {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1"}],
            "fraud",
            id="fraud",
        ),
        pytest.param(
            [shop.ended(NOW - 14 * DAY, reason="cancellation_requested")],
            "not_nonpayment",
            id="another-reason",
        ),
    ],
)
def test_who_is_asked_back(
    engine: Engine, tmp_path: Any, also: list[Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), left(NOW - 14 * DAY))
    shop.scan(engine)
    shop.mirror(engine, *also, at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


@pytest.mark.parametrize(
    ("step", "late", "reason"),
    [
        pytest.param("14", 2 * DAY - SECOND, None, id="before-the-next"),
        pytest.param("14", 2 * DAY, Skipped("next_is_due"), id="the-next-is-due"),
        pytest.param("23", 6 * DAY, None, id="the-last"),
    ],
)
def test_a_late_mail_gives_way_to_the_next(step: str, late: Any, reason: Skipped | None) -> None:
    case = winback_delinquent.sample_cases(shop.policy())["first"]
    ended_at = samples.NOW - int(step) * DAY - late
    assert case.subscription is not None
    ended = replace(case.subscription, ended_at=ended_at)
    subject = {**case.subject, "days": step}
    moved = replace(case, subject=subject, subscription=ended, subscriptions=(ended,))

    assert winback_delinquent.check(moved) == reason


def test_only_the_last_may_hold_an_offer() -> None:
    cases = winback_delinquent.sample_cases(shop.policy())

    wants = {name: winback_delinquent.wants_offer(case) for name, case in cases.items()}
    assert wants == {
        "first": False,
        "second": False,
        "last": True,
        "last-with-offer": True,
        "no-plan-name": False,
    }


def test_an_offer_is_told_as_it_is() -> None:
    case = winback_delinquent.sample_cases(shop.policy())["last-with-offer"]
    half_more = replace(samples.OFFER, percent_off=None, amount_off_minor=500, currency="usd")

    assert winback.offered(case)["percent_off"] == "20"
    assert winback.offered(replace(case, offer=half_more))["amount_off"] == Money(500, "usd")
    assert winback.offered(replace(case, offer=None))["code"] is None
