"""A subscription that begins, and a trial that ends without a card."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.case import Case
from notifications.kinds import subscription_started, trial_ended_no_card
from sync.changes import Done, Skipped
from tests.notifications import shop
from tests.notifications.changes import change, planned
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

STARTED, NO_CARD = subscription_started.NAME, trial_ended_no_card.NAME


def new(**changed: Any) -> dict[str, Any]:
    """Return a subscription made just now."""
    return shop.subscription(NOW + 30 * DAY, **{"created": shop.seconds(NOW), **changed})


@pytest.mark.parametrize(
    ("after", "before", "mails"),
    [
        pytest.param({}, None, 1, id="active-at-once"),
        pytest.param({"status": "trialing"}, None, 1, id="on-trial"),
        pytest.param({"status": "incomplete"}, None, 0, id="not-paid-yet"),
        pytest.param({}, {"status": "incomplete"}, 1, id="first-payment-came-in"),
        pytest.param({}, {"status": "trialing"}, 0, id="trial-became-paid"),
        pytest.param({}, {"status": "past_due"}, 0, id="paid-again"),
        pytest.param({}, {"status": "paused"}, 0, id="resumed"),
        pytest.param({}, {"status": "active"}, 0, id="still-active"),
        pytest.param({"status": "past_due"}, None, 0, id="first-seen-in-arrears"),
        pytest.param(
            {"start_date": shop.seconds(NOW - DAY - SECOND)},
            None,
            0,
            id="moved-here-from-elsewhere",
        ),
        pytest.param({"start_date": shop.seconds(NOW - DAY)}, None, 1, id="backdated-by-a-day"),
        pytest.param(
            {"created": shop.seconds(NOW - 72 * HOUR + SECOND)}, None, 1, id="first-seen-in-time"
        ),
        pytest.param({"created": shop.seconds(NOW - 72 * HOUR)}, None, 0, id="first-seen-late"),
    ],
)
def test_what_counts_as_a_beginning(after: Any, before: Any, mails: int) -> None:
    step = change(new(**after), new(**before) if before else None)

    assert len(planned(STARTED, step)) == mails


def test_a_reading_from_the_api_welcomes_nobody() -> None:
    assert planned(STARTED, change(new(), type_="api.read")) == []
    assert len(planned(STARTED, change(new(), type_="customer.subscription.created"))) == 1


def test_a_beginning_is_told_once_and_for_three_days() -> None:
    (effect,) = planned(STARTED, change(new()))

    assert effect.key == ":test:subscription_started:sub_1"
    assert (effect.due_at, effect.expires_at) == (NOW, NOW + 72 * HOUR)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        pytest.param("active", None, id="active"),
        pytest.param("trialing", None, id="trialing"),
        pytest.param("canceled", "canceled", id="ended-meanwhile"),
        pytest.param("past_due", "past_due", id="failed-meanwhile"),
    ],
)
def test_a_welcome_is_checked_again(status: str, reason: str | None) -> None:
    subscription = samples.subscription(status=status)
    case = samples.case(shop.policy(), subject={}, subscription=subscription)

    assert subscription_started.check(case) == (Skipped(reason) if reason else None)
    assert subscription_started.check(samples.case(shop.policy(), subject={})) == Skipped(
        "subscription_gone"
    )


def paused(cause: str | None = trial_ended_no_card.CAUSE, **changed: Any) -> dict[str, Any]:
    told = {"type": "subscription", "subscription": {"type": cause}, "transitioned_at": _PAUSED_AT}
    details = {"status_details": {"paused": told}} if cause else {}
    return shop.subscription(status="paused", **{**details, **changed})


_PAUSED_AT = shop.seconds(NOW - HOUR)


@pytest.mark.parametrize(
    ("after", "before", "due"),
    [
        pytest.param(paused(), None, [NOW - HOUR], id="first-seen"),
        pytest.param(paused(), shop.subscription(), [NOW - HOUR], id="trial-ended"),
        pytest.param(paused(None), shop.subscription(), [NOW], id="before-stripe-told-why"),
        pytest.param(
            paused(None, trial_end=shop.seconds(NOW - 2 * HOUR)), None, [NOW - 2 * HOUR], id="dated"
        ),
        pytest.param(paused("pause_requested"), shop.subscription(), [], id="on-request"),
        pytest.param(paused("final_payment_failure"), shop.subscription(), [], id="not-paid"),
        pytest.param(paused(), paused(), [], id="still-paused"),
        pytest.param(shop.subscription(), paused(), [], id="resumed"),
    ],
)
def test_a_pause_for_want_of_a_card(after: Any, before: Any, due: list[Any]) -> None:
    found = planned(NO_CARD, change(after, before))

    assert [effect.due_at for effect in found] == due
    assert [effect.key for effect in found] == [
        f":test:trial_ended_no_card:sub_1:{shop.seconds(at)}" for at in due
    ]


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param(
            {"status": "paused", "pause_cause": trial_ended_no_card.CAUSE}, None, id="yes"
        ),
        pytest.param({"status": "active"}, "resumed", id="resumed"),
        pytest.param({"status": "paused", "pause_cause": "pause_requested"}, "resumed", id="other"),
        pytest.param({"status": "canceled"}, "canceled", id="ended"),
    ],
)
def test_a_card_is_asked_for_while_it_is_missing(known: Any, reason: str | None) -> None:
    case: Case = samples.case(shop.policy(), subject={}, subscription=samples.subscription(**known))

    assert trial_ended_no_card.check(case) == (Skipped(reason) if reason else None)


@pytest.mark.parametrize(
    ("late", "sent"),
    [
        pytest.param(timedelta(0), True, id="now"),
        pytest.param(24 * HOUR - SECOND, True, id="just-in-time"),
        pytest.param(24 * HOUR, False, id="too-late"),
    ],
)
def test_a_trial_without_a_card_from_event_to_mail(
    engine: Engine, tmp_path: Any, late: timedelta, sent: bool
) -> None:
    shop.mirror(engine, shop.customer(), shop.product(), new(status="trialing"))
    step = paused(transitioned_at=None, status_details=None, trial_end=shop.seconds(NOW))
    shop.plan(engine, shop.mirror(engine, step, at=NOW + SECOND))
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW + late)

    assert isinstance(outcomes[0], Done) is sent
    assert (outcomes == [Skipped("too_late")]) is not sent


def test_a_new_subscription_from_event_to_mail(engine: Engine, tmp_path: Any) -> None:
    """First incomplete, then paid: one welcome, with the price it was sold at."""
    shop.mirror(engine, shop.customer(), shop.product())
    shop.plan(engine, shop.mirror(engine, new(status="incomplete")))
    shop.plan(engine, shop.mirror(engine, new(), at=NOW + SECOND))
    shop.plan(engine, shop.mirror(engine, new(metadata={"a": "b"}), at=NOW + 2 * SECOND))
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW + 2 * SECOND)

    assert isinstance(outcome, Done)
    (file,) = tmp_path.iterdir()
    assert b"Subject: Your Garden Box subscription has started" in file.read_bytes()
    assert b"$29.00 per month" in file.read_bytes()
