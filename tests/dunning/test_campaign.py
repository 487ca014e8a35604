"""What a campaign plans: by segment, standing and retries, both sides of each boundary."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.dunning.bills import Bill, Outcome, outcome_of
from notifications.dunning.campaign import (
    GIVEN_UP_AFTER,
    SETTLES,
    Campaign,
    Refusal,
    View,
    begin,
    follow,
    hold_until,
    thanks_for,
)
from notifications.dunning.segments import Standing

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
WINDOW = 14 * DAY
LOYAL = Standing(paid_invoices=12)


def bill(**changed: Any) -> Bill:
    told: dict[str, Any] = {
        "id": "in_1",
        "currency": "usd",
        "owed_minor": 2900,
        "failed_at": START,
        "seen_at": START,
        "next_attempt": START + 3 * DAY,
    }
    return Bill(**{**told, **changed})


def view(segment: str | None, *bills: Bill, at: datetime = START, **more: Any) -> View:
    refusal = Refusal(segment=segment, at=at, code=segment) if segment else None
    return View(bills=bills or (bill(),), refusal=refusal, **more)


def opened(segment: str | None, *, window: timedelta = WINDOW, **more: Any) -> Campaign:
    return begin(1, view(segment, **more), window, START)


def plan(campaign: Campaign) -> list[tuple[str, float]]:
    """Return the steps as kinds and days from the start."""
    return [(step.kind, (step.due_at - START) / DAY) for step in campaign.steps]


def failed(*days: float) -> list[tuple[str, float]]:
    return [("payment_failed", day) for day in days]


def final(day: float) -> list[tuple[str, float]]:
    return [("final_notice", day)]


CONFIRMS = [("action_required", day) for day in (0.0, 1.0, 3.0)]


@pytest.mark.parametrize(
    ("segment", "steps"),
    [
        pytest.param("funds", [*failed(2, 6, 10), *final(11)], id="retry-first"),
        pytest.param("card", [*failed(0, 2, 5, 9), *final(11)], id="update-card"),
        pytest.param("bank", [*failed(1, 4, 8), *final(11)], id="bank-says-no"),
        pytest.param(None, [*failed(1, 4, 8), *final(11)], id="unknown-is-soft"),
        pytest.param("confirm", [*CONFIRMS, *final(11)], id="confirm"),
        pytest.param("blocked", [*failed(0, 3, 7), *final(11)], id="lost-stolen-fraud"),
        pytest.param("revoked", failed(0), id="revoked-once"),
    ],
)
def test_each_segment_has_its_steps(segment: str | None, steps: list[Any]) -> None:
    assert plan(opened(segment)) == steps


@pytest.mark.parametrize(
    ("segment", "steps"),
    [
        # The last step would meet the final notice, which says more.
        pytest.param("funds", [*failed(3, 7), *final(11)], id="retry-first"),
        pytest.param("card", [*failed(1, 3, 6, 10), *final(11)], id="update-card"),
        pytest.param("confirm", [*CONFIRMS, *final(11)], id="the-bank-does-not-wait"),
        pytest.param("revoked", failed(0), id="revoked-once"),
    ],
)
def test_a_loyal_customer_is_given_a_day(segment: str, steps: list[Any]) -> None:
    assert plan(opened(segment, standing=LOYAL)) == steps


@pytest.mark.parametrize(
    ("standing", "loyal", "repeats"),
    [
        pytest.param(Standing(paid_invoices=11), False, False, id="eleven-invoices"),
        pytest.param(Standing(paid_invoices=12), True, False, id="twelve-invoices"),
        pytest.param(Standing(recoveries=1), True, False, id="recovered-before"),
        pytest.param(Standing(failing_cycles=2), False, False, id="second-failure"),
        pytest.param(Standing(failing_cycles=3), False, True, id="third-failure"),
        pytest.param(Standing(paid_invoices=50, failing_cycles=3), False, True, id="both"),
    ],
)
def test_standing(standing: Standing, *, loyal: bool, repeats: bool) -> None:
    assert (standing.loyal, standing.repeats) == (loyal, repeats)


@pytest.mark.parametrize(
    ("window_days", "steps"),
    [
        pytest.param(7, [*failed(2), *final(6)], id="last-step-is-the-final"),
        pytest.param(12, [*failed(2, 6), *final(10)], id="last-step-after-three-days-ahead"),
        pytest.param(13, [*failed(2, 6), *final(10)], id="both-at-once"),
        pytest.param(28, [*failed(2, 6, 10), *final(25)], id="three-days-ahead"),
        pytest.param(1, final(0), id="no-time-for-more"),
    ],
)
def test_the_final_notice_is_the_later_of_last_step_and_three_days_ahead(
    window_days: int, steps: list[Any]
) -> None:
    assert plan(opened("funds", window=window_days * DAY)) == steps


def test_each_step_is_of_use_until_the_next_and_the_last_until_the_end() -> None:
    steps = opened("bank").steps

    assert [(step.expires_at - START) / DAY for step in steps] == [4, 8, 11, 14]
    assert [step.number for step in steps] == [1, 2, 3, 4]


def test_when_retries_run_out_the_final_notice_takes_the_place_of_the_rest() -> None:
    out = bill(next_attempt=None, seen_at=START + 5 * DAY)
    after = follow(opened("bank"), view("bank", out), START + 5 * DAY)

    assert plan(after) == [*failed(1, 4), *final(5)]


def test_a_first_failure_without_a_retry_is_a_final_notice_once_it_has_settled() -> None:
    begun = begin(1, view("bank", bill(next_attempt=None)), WINDOW, START)
    told = follow(begun, view("bank", bill()), START + SETTLES - SECOND)

    assert plan(begun) == final(1 / 24)
    assert plan(told) == [*failed(1, 4, 8), *final(11)]


@pytest.mark.parametrize(
    ("late", "steps"),
    [
        pytest.param(SETTLES, [*failed(0, 2, 5, 9), *final(11)], id="same-failure"),
        pytest.param(SETTLES + SECOND, [*failed(2, 5, 9), *final(11)], id="too-late-for-the-first"),
    ],
)
def test_a_code_that_comes_late_replans_what_lies_ahead(late: timedelta, steps: list[Any]) -> None:
    assert plan(follow(opened(None), view("card"), START + late)) == steps


def test_a_new_code_counts_from_the_start_and_the_numbers_go_on() -> None:
    now = START + 4 * DAY + HOUR
    after = follow(opened("bank"), view("funds", at=now), now)

    assert plan(after) == [*failed(1, 4, 6, 10), *final(11)]
    assert [step.number for step in after.steps] == [1, 2, 3, 4, 5]


def test_what_the_bank_asks_of_the_customer_counts_from_when_it_asked() -> None:
    asked_at = START + 5 * DAY
    after = follow(opened("funds"), view("confirm", at=asked_at), asked_at + HOUR)
    steps = [*failed(2), *[("action_required", day) for day in (5, 6, 8)], *final(11)]

    assert plan(after) == steps
    assert plan(follow(after, view("confirm", at=asked_at), asked_at + 2 * HOUR)) == steps


def test_an_outage_sends_the_step_that_is_of_use_and_records_the_others() -> None:
    now = START + 5 * DAY
    steps = begin(1, view("bank"), WINDOW, now).steps

    assert [step.expires_at > now for step in steps] == [False, True, True, True]


def test_another_invoice_joins_and_changes_no_date() -> None:
    other = bill(id="in_2", failed_at=START + 5 * DAY)
    after = follow(opened("bank"), view("bank", bill(), other), START + 5 * DAY)

    assert [each.id for each in after.bills] == ["in_1", "in_2"]
    assert plan(after) == plan(opened("bank"))


def test_an_invoice_that_fails_after_the_final_notice_starts_another_round() -> None:
    now = START + 12 * DAY
    other = bill(id="in_2", failed_at=now, next_attempt=now + DAY)
    after = follow(opened("bank"), view("bank", bill(), other), now)

    assert plan(after) == [*failed(1, 4, 8), *final(11), *failed(13, 16, 20), *final(23)]
    assert [step.number for step in after.steps] == list(range(1, 9))


def ended(outcome: Outcome, *, after: timedelta = 2 * DAY, **changed: Any) -> Bill:
    return bill(outcome=outcome, ended_at=START + after, next_attempt=None, **changed)


@pytest.mark.parametrize(
    ("bills", "outcome"),
    [
        pytest.param([bill()], None, id="open"),
        pytest.param([ended("retry"), bill(id="in_2")], None, id="one-still-open"),
        pytest.param([ended("retry"), ended("forgiven", after=3 * DAY)], "retry", id="money-first"),
        pytest.param(
            [ended("retry"), ended("new_method", after=3 * DAY)], "new_method", id="the-last-way"
        ),
        pytest.param([ended("retry"), ended("lost_active")], "lost_active", id="loss-first"),
        pytest.param(
            [ended("lost_active"), ended("lost_passive")], "lost_passive", id="the-worse-loss"
        ),
        pytest.param([ended("forgiven")], "forgiven", id="nobody-wanted-it"),
    ],
)
def test_how_a_campaign_ended(bills: list[Bill], outcome: Outcome | None) -> None:
    assert outcome_of(bills) == outcome


def test_the_last_payment_closes_it_and_nothing_lies_ahead() -> None:
    after = follow(opened("bank"), view("bank", ended("retry")), START + 3 * DAY)

    assert (after.outcome, after.closed_at) == ("retry", START + 2 * DAY)
    assert plan(after) == failed(1)


@pytest.mark.parametrize(
    ("bills", "thanked"),
    [
        pytest.param([ended("retry")], True, id="paid"),
        pytest.param([ended("forgiven"), ended("retry", after=3 * DAY)], True, id="paid-last"),
        pytest.param([ended("retry"), ended("forgiven", after=3 * DAY)], False, id="void-last"),
        pytest.param([ended("lost_passive"), ended("retry", after=3 * DAY)], False, id="a-loss"),
    ],
)
def test_thanks_are_for_the_payment_that_settles_all(bills: list[Bill], *, thanked: bool) -> None:
    named = [replace(each, id=f"in_{place}") for place, each in enumerate(bills, 1)]
    start = begin(
        1, view("bank", *(replace(b, outcome=None, ended_at=None) for b in named)), WINDOW, START
    )
    closed = follow(start, view("bank", *named), START + 4 * DAY)

    assert (thanks_for(closed) is not None) is thanked


@pytest.mark.parametrize(
    ("late", "next_attempt", "outcome"),
    [
        pytest.param(-SECOND, None, None, id="not-yet"),
        pytest.param(0 * DAY, None, "lost_passive", id="nothing-comes-any-more"),
        pytest.param(0 * DAY, START + 30 * DAY, None, id="stripe-still-tries"),
    ],
)
def test_what_is_left_open_is_given_up(
    late: timedelta, next_attempt: datetime | None, outcome: Outcome | None
) -> None:
    left = bill(next_attempt=next_attempt)
    after = follow(opened("bank"), view("bank", left), START + WINDOW + GIVEN_UP_AFTER + late)

    assert after.outcome == outcome


def test_what_is_paid_after_all_corrects_the_outcome() -> None:
    lost = follow(opened("bank"), view("bank", ended("lost_passive")), START + 3 * DAY)
    paid = follow(lost, view("bank", ended("new_method", after=9 * DAY)), START + 9 * DAY)

    assert (paid.outcome, paid.closed_at) == ("new_method", lost.closed_at)


RETRY_AT = START + 3 * DAY
TERMINAL_AT = START + WINDOW


@pytest.mark.parametrize(
    ("now", "kind", "until"),
    [
        pytest.param(RETRY_AT - 12 * HOUR - SECOND, "payment_failed", None, id="over-12h-ahead"),
        pytest.param(RETRY_AT - 12 * HOUR, "payment_failed", RETRY_AT + 2 * HOUR, id="12h-ahead"),
        pytest.param(RETRY_AT + HOUR, "payment_failed", RETRY_AT + 2 * HOUR, id="just-tried"),
        pytest.param(RETRY_AT + 2 * HOUR, "payment_failed", None, id="tried-2h-ago"),
        pytest.param(RETRY_AT - HOUR, "final_notice", RETRY_AT + 2 * HOUR, id="final-waits-too"),
        pytest.param(RETRY_AT - HOUR, "action_required", None, id="only-the-customer-can"),
    ],
)
def test_a_step_near_a_retry_moves_behind_it(
    now: datetime, kind: str, until: datetime | None
) -> None:
    held = hold_until(kind, now, next_attempt=RETRY_AT, last_mail_at=None, terminal_at=TERMINAL_AT)

    assert held == until


def test_a_last_warning_does_not_wait_until_it_is_too_late() -> None:
    now = TERMINAL_AT - 3 * HOUR
    near = now + HOUR
    held = hold_until(
        "final_notice", now, next_attempt=near, last_mail_at=None, terminal_at=TERMINAL_AT
    )

    assert held is None


@pytest.mark.parametrize(
    ("age", "waits"),
    [
        pytest.param(24 * HOUR - SECOND, True, id="within-a-day"),
        pytest.param(24 * HOUR, False, id="a-day-later"),
    ],
)
@pytest.mark.parametrize("kind", ["payment_failed", "final_notice", "action_required"])
def test_one_mail_a_day(kind: str, age: timedelta, *, waits: bool) -> None:
    held = hold_until(
        kind, START, next_attempt=None, last_mail_at=START - age, terminal_at=TERMINAL_AT
    )

    assert (held is not None) is waits
