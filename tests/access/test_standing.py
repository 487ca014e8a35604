"""Who may use the service: every status, and both sides of every boundary."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sync.access.standing import AccessPolicy, Facts, decide
from tests.access.made import DAY, NOW, SECOND, START, bill, known, sub

POLICY = AccessPolicy(grace_days=14)
BOTH = AccessPolicy(grace_days=14, restricted_days=7)
HOUR = timedelta(hours=1)


def late(asked_at: datetime, **given: Any) -> Facts:
    return known(sub("past_due", since=asked_at), bills=(bill(asked_at, **given),))


@pytest.mark.parametrize(
    ("facts", "state", "reason"),
    [
        pytest.param(known(), "none", "never_subscribed", id="never-bought"),
        pytest.param(known(sub("active")), "ok", "active", id="active"),
        pytest.param(known(sub("trialing")), "ok", "trialing", id="trialing"),
        pytest.param(known(sub("past_due", since=NOW)), "grace", "payment_late", id="past-due"),
        pytest.param(known(sub("unpaid")), "suspended", "unpaid", id="unpaid"),
        pytest.param(
            known(sub("paused", pause_cause="first_payment_failure")),
            "suspended", "paused_nonpayment", id="paused-first-payment",
        ),
        pytest.param(
            known(sub("paused", pause_cause="final_payment_failure")),
            "suspended", "paused_nonpayment", id="paused-final-payment",
        ),
        pytest.param(
            known(sub("paused", pause_cause="pause_requested")), "none", "paused", id="own-pause"
        ),
        pytest.param(known(sub("paused", pause_cause="system")), "none", "paused", id="by-system"),
        pytest.param(
            known(sub("paused", pause_cause="trial_end_without_payment_method")),
            "none", "trial_ended", id="trial-without-card",
        ),
        pytest.param(known(sub("incomplete")), "none", "incomplete", id="incomplete"),
        pytest.param(known(sub("incomplete_expired")), "none", "never_started", id="expired"),
        pytest.param(
            known(sub("canceled", cancellation_reason="cancellation_requested")),
            "none", "ended", id="left-by-choice",
        ),
        pytest.param(
            known(sub("canceled", cancellation_reason="payment_disputed")),
            "none", "ended", id="disputed",
        ),
        pytest.param(
            known(sub("canceled", cancellation_reason="payment_failed")),
            "suspended", "ended_nonpayment", id="ended-for-nonpayment",
        ),
        pytest.param(
            known(sub("canceled", cancellation_reason="payment_failed", settled_at=NOW)),
            "none", "ended", id="ended-for-nonpayment-and-paid-later",
        ),
        pytest.param(known(sub("levitating")), "ok", "levitating", id="status-of-the-future"),
        pytest.param(
            known(sub("active"), deleted_at=NOW), "none", "customer_deleted", id="deleted"
        ),
    ],
)  # fmt: skip
def test_one_subscription(facts: Facts, state: str, reason: str) -> None:
    access = decide(facts, NOW, POLICY)

    assert (access.state, access.reason) == (state, reason)


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        pytest.param(late(NOW + SECOND), "grace", id="age-below-zero"),
        pytest.param(late(NOW), "grace", id="just-failed"),
        pytest.param(late(NOW - 14 * DAY + SECOND), "grace", id="last-second-of-grace"),
        pytest.param(late(NOW - 14 * DAY), "restricted", id="grace-is-over"),
        pytest.param(
            late(NOW - 20 * DAY, next_attempt=NOW + DAY), "grace", id="retry-after-the-grace"
        ),
        pytest.param(
            late(NOW - 20 * DAY, next_attempt=NOW - DAY + SECOND), "grace", id="retry-just-passed"
        ),
        pytest.param(
            late(NOW - 20 * DAY, next_attempt=NOW - DAY), "restricted", id="retry-never-told"
        ),
        pytest.param(
            known(sub("past_due", since=NOW - 14 * DAY + SECOND)), "grace", id="invoice-unknown"
        ),
        pytest.param(
            known(sub("past_due", since=NOW - 14 * DAY)), "restricted", id="invoice-unknown-late"
        ),
        pytest.param(late(NOW - 21 * DAY + SECOND), "restricted", id="last-second-of-restricted"),
        pytest.param(late(NOW - 21 * DAY), "suspended", id="restricted-is-over"),
    ],
)
def test_age_decides_while_a_payment_is_late(facts: Facts, state: str) -> None:
    assert decide(facts, NOW, BOTH).state == state


def test_without_a_limit_stripe_decides_when_restricted_ends() -> None:
    assert decide(late(NOW - 900 * DAY), NOW, POLICY).state == "restricted"


@pytest.mark.parametrize(
    ("asked_at", "given", "state"),
    [
        pytest.param(NOW + SECOND, {"is_sent": True}, "ok", id="due-in-a-second"),
        pytest.param(NOW, {"is_sent": True}, "grace", id="due-now"),
        pytest.param(NOW - DAY, {"attempted": False}, "ok", id="nobody-has-asked-yet"),
        pytest.param(NOW - DAY, {}, "ok", id="debit-may-be-on-its-way"),
        pytest.param(NOW - DAY, {"next_attempt": NOW + DAY}, "grace", id="a-retry-is-planned"),
        pytest.param(NOW - 14 * DAY + SECOND, {}, "ok", id="debit-on-its-last-second"),
        pytest.param(NOW - 14 * DAY, {}, "restricted", id="no-debit-takes-so-long"),
        pytest.param(NOW - 90 * DAY, {"subscription": "sub_old"}, "ok", id="of-another-one"),
        pytest.param(NOW - 90 * DAY, {"subscription": None}, "ok", id="of-no-subscription"),
    ],
)
def test_an_open_invoice_of_an_active_subscription(
    asked_at: datetime, given: dict[str, Any], state: str
) -> None:
    facts = known(sub("active"), bills=(bill(asked_at, **given),))

    assert decide(facts, NOW, POLICY).state == state


def test_the_oldest_late_invoice_decides() -> None:
    old, new = bill(NOW - 13 * DAY, id="in_old"), bill(NOW - DAY, id="in_new")
    access = decide(known(sub("past_due"), bills=(new, old)), NOW, POLICY)

    assert (access.state, access.since, access.until) == ("grace", NOW - 13 * DAY, NOW + DAY)


OTHER = "sub_2"


@pytest.mark.parametrize(
    ("others", "state", "reason"),
    [
        pytest.param([sub("active", id=OTHER), sub("unpaid")], "suspended", "unpaid", id="owed"),
        pytest.param(
            [sub("active", id=OTHER), sub("past_due", since=NOW)],
            "grace", "payment_late", id="late",
        ),
        pytest.param(
            [sub("canceled", cancellation_reason="payment_failed"), sub("active", id=OTHER)],
            "ok", "active", id="came-back",
        ),
        pytest.param(
            [
                sub("canceled", cancellation_reason="payment_failed"),
                sub("paused", id=OTHER, pause_cause="pause_requested"),
            ],
            "none", "paused", id="another-pauses",
        ),
        pytest.param(
            [
                sub("canceled", cancellation_reason="payment_failed", since=NOW - DAY),
                sub("canceled", id=OTHER, cancellation_reason="cancellation_requested", since=NOW),
            ],
            "none", "ended", id="left-by-choice-last",
        ),
        pytest.param(
            [
                sub("canceled", cancellation_reason="payment_failed", since=NOW),
                sub("canceled", id=OTHER, since=NOW - DAY),
            ],
            "suspended", "ended_nonpayment", id="ended-for-nonpayment-last",
        ),
        pytest.param(
            [
                sub("canceled", cancellation_reason="payment_failed", since=NOW - DAY),
                sub("incomplete_expired", id=OTHER, since=NOW),
            ],
            "suspended", "ended_nonpayment", id="came-back-in-vain",
        ),
        pytest.param(
            [sub("incomplete", id=OTHER), sub("active")], "ok", "active", id="buys-one-more"
        ),
    ],
)  # fmt: skip
def test_several_subscriptions(others: list[Any], state: str, reason: str) -> None:
    for order in (others, others[::-1]):
        access = decide(known(*order), NOW, POLICY)
        assert (access.state, access.reason) == (state, reason)


def test_since_is_told_by_the_facts() -> None:
    def since(*subscriptions: Any) -> datetime | None:
        return decide(known(*subscriptions), NOW, BOTH).since

    recovered = sub("active", id=OTHER, since=NOW - DAY, before="past_due")
    assert since(sub("active"), sub("active", id=OTHER, since=NOW)) == START
    assert since(sub("active"), recovered) == NOW - DAY
    assert since(sub("unpaid", since=NOW), sub("unpaid", id=OTHER)) == START
    assert since() == START
    assert decide(late(NOW - 16 * DAY), NOW, BOTH).since == NOW - 2 * DAY
    assert decide(late(NOW - 30 * DAY), NOW, BOTH).since == NOW - 9 * DAY


def test_until_is_when_time_alone_changes_it() -> None:
    def until(facts: Facts) -> datetime | None:
        return decide(facts, NOW, BOTH).until

    assert until(known(sub("active"))) is None
    assert until(known(sub("active"), bills=(bill(NOW + DAY, is_sent=True),))) == NOW + DAY
    assert until(late(NOW)) == NOW + 14 * DAY
    assert until(late(NOW - 16 * DAY)) == NOW + 5 * DAY
    assert until(late(NOW - 30 * DAY)) is None


@pytest.mark.parametrize("age", range(0, 30 * 24, 47))
def test_nothing_changes_before_the_next_look_and_something_may_at_it(age: int) -> None:
    """The clock looks again at `look_at` only: no state may begin between two looks."""
    sent = bill(NOW - age * HOUR + 3 * DAY, id="in_2", is_sent=True, subscription=OTHER)
    facts = known(
        sub("past_due"), sub("active", id=OTHER),
        bills=(bill(NOW - age * HOUR, next_attempt=NOW + 30 * DAY), sent),
    )  # fmt: skip
    at, seen = NOW, decide(facts, NOW, BOTH)
    for _ in range(30 * 24):
        at += HOUR
        now = decide(facts, at, BOTH)
        if seen.look_at is None or at < seen.look_at:
            assert (now.state, now.since, now.until) == (seen.state, seen.since, seen.until)
        else:
            seen = now


@pytest.mark.parametrize(
    ("facts", "way"),
    [
        pytest.param(known(sub("active")), None, id="nothing-amiss"),
        pytest.param(late(NOW), "https://pay.example/1", id="one-invoice"),
        pytest.param(
            known(sub("unpaid"), bills=(bill(), bill(id="in_2"))),
            "https://portal.example", id="several-invoices",
        ),
        pytest.param(known(sub("unpaid")), "https://portal.example", id="no-open-invoice"),
        pytest.param(
            known(sub("canceled", cancellation_reason="payment_failed"), bills=(bill(),)),
            "https://shop.example", id="ended: paying does not bring it back",
        ),
        pytest.param(known(), "https://shop.example", id="never-subscribed"),
    ],
)  # fmt: skip
def test_what_brings_it_back(facts: Facts, way: str | None) -> None:
    policy = AccessPolicy(portal_url="https://portal.example", shop_url="https://shop.example")

    assert decide(facts, NOW, policy).restored_by == way
