"""A subscription that stops for want of payment, and ends of all kinds."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.kinds import access_suspended, ended_nonpayment, ended_voluntary
from notifications.wording import Money
from sync.changes import Change, Done, Skipped
from tests.notifications import shop
from tests.notifications.changes import change, loaded, planned
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

SUSPENDED = access_suspended.NAME


def paused(cause: str) -> dict[str, Any]:
    told = {"subscription": {"type": cause}, "transitioned_at": shop.seconds(NOW - HOUR)}
    return shop.subscription(status="paused", status_details={"paused": told})


UNPAID = shop.subscription(status="unpaid")


@pytest.mark.parametrize(
    ("after", "before", "since"),
    [
        pytest.param(UNPAID, shop.subscription(status="past_due"), NOW, id="unpaid"),
        pytest.param(UNPAID, None, NOW, id="first-seen-unpaid"),
        pytest.param(UNPAID, UNPAID, None, id="still-unpaid"),
        pytest.param(paused("final_payment_failure"), UNPAID, None, id="paused-while-unpaid"),
        pytest.param(
            paused("final_payment_failure"), shop.subscription(), NOW - HOUR, id="retries-ran-out"
        ),
        pytest.param(paused("first_payment_failure"), None, NOW - HOUR, id="first-payment-failed"),
        pytest.param(paused("pause_requested"), shop.subscription(), None, id="on-request"),
        pytest.param(shop.subscription(status="past_due"), None, None, id="still-tried"),
        pytest.param(shop.ended(NOW, reason="payment_failed"), UNPAID, None, id="ended"),
    ],
)
def test_what_counts_as_suspended(after: Any, before: Any, since: Any) -> None:
    found = planned(SUSPENDED, change(after, before))

    key = f":test:access_suspended:sub_1:{shop.seconds(since)}"
    assert [effect.key for effect in found] == ([key] if since else [])


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param({"status": "unpaid"}, None, id="unpaid"),
        pytest.param(
            {"status": "paused", "pause_cause": "final_payment_failure"}, None, id="paused"
        ),
        pytest.param({"status": "active"}, "recovered", id="paid"),
        pytest.param(
            {"status": "paused", "pause_cause": "pause_requested"}, "recovered", id="asked"
        ),
        pytest.param({"status": "canceled"}, "ended", id="ended"),
    ],
)
def test_a_suspension_is_told_while_it_lasts(known: Any, reason: str | None) -> None:
    case = samples.case(shop.policy(), subject={}, subscription=samples.subscription(**known))

    assert access_suspended.check(case) == (Skipped(reason) if reason else None)


def test_a_suspension_tells_what_is_owed_for_this_subscription_alone(engine: Engine) -> None:
    other = {"subscription_details": {"subscription": "sub_2"}}
    shop.mirror(
        engine,
        shop.customer(),
        shop.invoice(id="in_1", created=1, hosted_invoice_url="https://pay.example/1"),
        shop.invoice(id="in_2", created=2, amount_remaining=100),
        shop.invoice(id="in_3", parent=other),
        shop.invoice(id="in_4", status="paid"),
        shop.invoice(id="in_5", created=0, amount_remaining=0),
    )
    shop.plan(engine, shop.mirror(engine, UNPAID))
    (claimed,) = shop.claim(engine, NOW)
    told = access_suspended.context(loaded(engine, claimed))

    assert told["amount"] == Money(3000, "usd")
    assert (told["pay_url"], told["is_oldest_only"]) == ("https://pay.example/1", True)


def end(reason: str, **changed: Any) -> Change:
    return change(shop.ended(NOW - HOUR, reason=reason, **changed), shop.subscription())


@pytest.mark.parametrize(
    ("step", "kinds"),
    [
        pytest.param(end("payment_failed"), ["ended_nonpayment"], id="not-paid"),
        pytest.param(end("cancellation_requested"), ["ended_voluntary"], id="on-request"),
        pytest.param(end("payment_disputed"), ["dispute_alert"], id="disputed"),
        pytest.param(end("canceled_by_retention_policy"), ["dispute_alert"], id="test-data"),
        pytest.param(end("new_in_2027"), [], id="a-reason-yet-unknown"),
        pytest.param(
            end("cancellation_requested", status="incomplete_expired"), [], id="never-began"
        ),
        pytest.param(end("cancellation_requested", status="active"), [], id="still-runs"),
    ],
)
def test_each_end_has_its_mail_by_its_reason(step: Change, kinds: list[str]) -> None:
    names = ("ended_nonpayment", "ended_voluntary", "dispute_alert", SUSPENDED)
    found = [effect for name in names for effect in planned(name, step)]

    assert [effect.kind for effect in found] == kinds
    assert all(effect.due_at == NOW - HOUR for effect in found)
    mails = [effect for effect in found if effect.kind.startswith("ended_")]
    assert all(effect.expires_at == NOW - HOUR + 7 * DAY for effect in mails)


@pytest.mark.parametrize(
    ("reason", "also", "verdict"),
    [
        pytest.param("payment_failed", [], None, id="lost"),
        pytest.param("payment_failed", [{"status": "canceled"}], None, id="another-ended-too"),
        pytest.param("payment_failed", [{}], "other_subscription", id="another-runs"),
        pytest.param(
            "payment_failed", [{"status": "unpaid"}], "other_subscription", id="another-unpaid"
        ),
        pytest.param("cancellation_requested", [], "other_reason", id="by-choice-after-all"),
    ],
)
def test_an_end_for_nonpayment_is_looked_at_again(reason: str, also: Any, verdict: Any) -> None:
    ended = samples.subscription(status="canceled", cancellation_reason=reason)
    others = [samples.subscription(id=f"sub_{n}", **each) for n, each in enumerate(also)]
    case = samples.case(
        shop.policy(),
        subject={"subscription": ended.id},
        subscription=ended,
        subscriptions=(ended, *others),
    )

    assert ended_nonpayment.check(case) == (Skipped(verdict) if verdict else None)


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        pytest.param({"status": "canceled"}, None, id="ended"),
        pytest.param({"status": "active"}, "not_ended", id="runs"),
        pytest.param(
            {"status": "canceled", "cancellation_reason": "payment_failed"},
            "other_reason",
            id="not-by-choice",
        ),
    ],
)
def test_a_wanted_end_is_confirmed_also_beside_another(known: Any, verdict: Any) -> None:
    ended = samples.subscription(**{"cancellation_reason": "cancellation_requested", **known})
    others = (ended, samples.subscription(id="sub_other"))
    case = samples.case(shop.policy(), subject={}, subscription=ended, subscriptions=others)

    assert ended_voluntary.check(case) == (Skipped(verdict) if verdict else None)


@pytest.mark.parametrize(
    ("late", "sent"),
    [
        pytest.param(7 * DAY - SECOND, True, id="of-use"),
        pytest.param(7 * DAY, False, id="too-late"),
    ],
)
def test_an_end_from_event_to_mail(
    engine: Engine, tmp_path: Any, late: timedelta, sent: bool
) -> None:
    """Told once, however often the end is seen."""
    shop.mirror(engine, shop.customer(), shop.product(), shop.subscription())
    shop.plan(engine, shop.mirror(engine, shop.ended(NOW), at=NOW + SECOND))
    shop.plan(engine, shop.mirror(engine, shop.ended(NOW, "unused"), at=NOW + 2 * SECOND))
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW + late)

    assert isinstance(outcome, Done) is sent
    assert (outcome == Skipped("too_late")) is not sent
