"""A subscription that stops for want of payment, and ends of all kinds."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

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
    case = samples.case(
        shop.policy(),
        subject={"subscription": "sub_sample"},
        subscription=samples.subscription(**known),
    )

    assert access_suspended.check(case) == (Skipped(reason) if reason else None)


def stand(engine: Engine, state: str, since: datetime, reason: str = "payment_late") -> None:
    """Note a customer's access as the workers do."""
    row = {"state": state, "since": since, "reason": reason}
    now = "INSERT INTO evergreen.access (account, customer_id, livemode, state, since, reason)"
    step = "INSERT INTO evergreen.access_history (account, customer_id, state, since, reason)"
    values = "VALUES ('', 'cus_1', {}:state, :since, :reason)"
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM evergreen.access"))
        conn.execute(text(f"{now} {values.format('false, ')}"), row)
        conn.execute(text(f"{step} {values.format('')}"), row)


PAST_DUE = shop.subscription(status="past_due")
LATE = {"subscription": "sub_1", "cause": "payment_late"}


@pytest.mark.parametrize(
    ("state", "since", "known", "due"),
    [
        pytest.param("suspended", NOW, PAST_DUE, True, id="now"),
        pytest.param("suspended", NOW + SECOND, PAST_DUE, False, id="not-yet"),
        pytest.param("suspended", NOW - 3 * DAY + SECOND, PAST_DUE, True, id="caught-up"),
        pytest.param("suspended", NOW - 3 * DAY, PAST_DUE, False, id="too-late"),
        pytest.param("restricted", NOW, PAST_DUE, False, id="restricted"),
        pytest.param("suspended", NOW, UNPAID, False, id="stripe-says-so-itself"),
        pytest.param("suspended", NOW, shop.ended(NOW), False, id="ended"),
    ],
)
def test_whom_time_suspends_is_told_once(
    engine: Engine, state: str, since: datetime, known: Any, due: bool
) -> None:
    shop.mirror(engine, shop.customer(), known, {**PAST_DUE, "id": "sub_2"})
    if known is not PAST_DUE:
        shop.mirror(engine, {**known, "id": "sub_2"}, at=NOW + SECOND)
    stand(engine, state, since)
    shop.scan(engine, NOW)
    shop.scan(engine, NOW)

    found = shop.rows(engine, "key, subject, due_at")
    key = f":test:access_suspended:sub_1:{shop.seconds(since)}"
    assert found == ([(key, LATE, since)] if due else [])


@pytest.mark.parametrize(
    ("then", "told"),
    [
        pytest.param([], ["sent"], id="once"),
        pytest.param([(UNPAID, None)], ["sent", "told_before"], id="unpaid-after-it"),
        pytest.param([(shop.subscription(), "ok")], ["sent"], id="paid-after-it"),
        pytest.param(
            [(shop.subscription(), "ok"), (UNPAID, "suspended")],
            ["sent", "sent"],
            id="paid-and-suspended-again",
        ),
    ],
)
def test_one_suspension_is_told_once_whoever_says_so_first(
    engine: Engine, tmp_path: Any, then: Any, told: list[str]
) -> None:
    shop.mirror(engine, shop.customer(), shop.product(), PAST_DUE)
    stand(engine, "suspended", NOW)
    shop.scan(engine, NOW)
    shop.deliver_due(engine, tmp_path.as_uri(), NOW)
    for day, (after, state) in enumerate(then, start=1):
        at = NOW + day * DAY
        changes = shop.mirror(engine, after, at=at)
        if state:
            stand(engine, state, at, reason="unpaid")
        shop.plan(engine, changes, now=at)
        shop.deliver_due(engine, tmp_path.as_uri(), at)

    done = shop.rows(engine, "state, reason, kind")
    assert [reason or state for state, reason, kind in done if kind == SUSPENDED] == told


@pytest.mark.parametrize(
    ("then", "state", "reason"),
    [
        pytest.param(shop.subscription(), "ok", "recovered", id="paid"),
        pytest.param(shop.ended(NOW, reason="payment_failed"), "suspended", "ended", id="ended"),
    ],
)
def test_whom_time_suspended_hears_nothing_once_it_is_over(
    engine: Engine, tmp_path: Any, then: Any, state: str, reason: str
) -> None:
    shop.mirror(engine, shop.customer(), PAST_DUE)
    stand(engine, "suspended", NOW)
    shop.scan(engine, NOW)
    shop.mirror(engine, then, at=NOW + SECOND)
    stand(engine, state, NOW + SECOND)

    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW + SECOND)
    assert outcome == Skipped(reason)


def test_a_suspension_tells_what_is_owed_for_this_subscription_alone(engine: Engine) -> None:
    other = {"subscription_details": {"subscription": "sub_2"}}
    shop.mirror(
        engine,
        shop.customer(),
        shop.invoice(id="in_1", created=1),
        shop.invoice(id="in_2", created=2, amount_remaining=100),
        shop.invoice(id="in_3", parent=other),
        shop.invoice(id="in_4", status="paid"),
        shop.invoice(id="in_5", created=0, amount_remaining=0),
    )
    shop.plan(engine, shop.mirror(engine, UNPAID))
    (claimed,) = shop.claim(engine, NOW)
    told = access_suspended.context(loaded(engine, claimed))

    assert (told["amount"], told["is_several"]) == (Money(3000, "usd"), True)


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
