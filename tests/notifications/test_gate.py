"""What keeps a wanted mail back: the hour, the caps, an experiment."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications import caps, gate, samples
from notifications.caps import Sent
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.timing import TIMINGS
from sync.changes import Effect, Later, Skipped
from tests.notifications import shop

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
# 03:00 in Bangkok.
NIGHT = datetime(2026, 12, 1, 20, tzinfo=UTC)
MORNING = NIGHT + 5 * HOUR
WINDOW_OPENS = NIGHT + 6 * HOUR
NOON = NIGHT + 9 * HOUR


def judged(
    name: str,
    now: datetime = NIGHT,
    *,
    lives: timedelta = 7 * DAY,
    subject: dict[str, str] | None = None,
    sent: Sequence[Sent] = (),
    stop: Verdict = None,
    stripe_sends: frozenset[str] = frozenset(),
    **known: Any,
) -> Verdict:
    """Return the verdict on a mail to somebody in Bangkok, of a kind that says `stop`."""
    kind = Kind(
        name=name,
        category=TIMINGS[name].category,
        check=lambda _case: stop,
        context=lambda _case: {},
        samples=lambda _policy: {},
    )
    effect = Effect(
        key="k",
        channel="mail",
        kind=name,
        due_at=now,
        expires_at=now + lives,
        subject=subject or {},
    )
    settings = shop.policy(marketing_inbox="m@shop.example", stripe_sends=stripe_sends)
    case: Case = samples.case(settings, subject={}, **known)
    person = replace(samples.CUSTOMER, country="TH")
    return gate.check(kind, effect, replace(case, now=now, customer=person), attempts=1, sent=sent)


@pytest.mark.parametrize(
    ("kind", "now", "verdict"),
    [
        pytest.param("resuming", NIGHT, Later(MORNING, "quiet_hours"), id="transactional"),
        pytest.param("resuming", MORNING, None, id="at-eight"),
        pytest.param(
            "resuming", MORNING - SECOND, Later(MORNING, "quiet_hours"), id="before-eight"
        ),
        pytest.param(
            "winback_voluntary", MORNING, Later(WINDOW_OPENS, "quiet_hours"), id="at-nine"
        ),
        pytest.param("winback_voluntary", WINDOW_OPENS, None, id="marketing-opens"),
        pytest.param("receipt", NIGHT, None, id="at-once"),
        pytest.param("dispute_alert", NIGHT, None, id="internal"),
    ],
)
def test_mail_goes_out_in_the_hours_of_its_category(
    kind: str, now: datetime, verdict: Verdict
) -> None:
    assert judged(kind, now) == verdict


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        pytest.param(5 * HOUR + SECOND, Later(MORNING, "quiet_hours"), id="still-of-use"),
        pytest.param(5 * HOUR, None, id="too-late-by-then"),
    ],
)
def test_a_mail_whose_use_ends_in_the_night_goes_out_in_the_night(
    left: timedelta, verdict: Verdict
) -> None:
    assert judged("resuming", lives=left) == verdict


@pytest.mark.parametrize(
    ("left", "verdict"),
    [
        pytest.param(6 * HOUR + SECOND, Later(WINDOW_OPENS, "quiet_hours"), id="still-of-use"),
        pytest.param(6 * HOUR, Skipped("quiet_hours"), id="too-late-by-then"),
    ],
)
def test_no_offer_is_worth_a_night(left: timedelta, verdict: Verdict) -> None:
    assert judged("winback_voluntary", lives=left) == verdict


@pytest.mark.parametrize(
    ("subject", "verdict"),
    [
        pytest.param({"edge": MORNING + SECOND}, Later(MORNING, "quiet_hours"), id="edge-after"),
        pytest.param({"edge": MORNING}, None, id="edge-when-it-opens"),
        pytest.param({"late": "true"}, None, id="edge-passed-already"),
        pytest.param(
            {"late": "true", "edge": MORNING + SECOND},
            Later(MORNING, "quiet_hours"),
            id="late-but-before-its-edge",
        ),
    ],
)
def test_no_notice_is_held_past_its_legal_edge(subject: dict[str, Any], verdict: Verdict) -> None:
    told = {name: _written(value) for name, value in subject.items()}

    assert judged("trial_ending", subject=told) == verdict


def _written(value: Any) -> str:
    return str(int(value.timestamp())) if isinstance(value, datetime) else value


def test_a_renewal_notice_whose_edge_has_passed_waits_for_no_morning() -> None:
    subject = {"late": "true", "edge": _written(NIGHT - DAY)}

    assert judged("renewal_reminder", subject=subject) is None


def test_what_has_no_legal_edge_waits_for_the_morning_even_when_late() -> None:
    assert judged("renewal_reminder", subject={"late": "true"}) == Later(MORNING, "quiet_hours")


def test_what_is_not_wanted_is_skipped_at_night_already() -> None:
    assert judged("resuming", stop=Skipped("paid")) == Skipped("paid")


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        pytest.param("receipt", Skipped("stripe_sends"), id="stripes"),
        pytest.param("subscription_started", None, id="ours"),
    ],
)
def test_what_stripe_sends_we_do_not(kind: str, verdict: Verdict) -> None:
    assert judged(kind, stripe_sends=frozenset({"receipt"})) == verdict


def mails(*ages: timedelta) -> list[Sent]:
    return [Sent("winback_delinquent", NOON - age) for age in ages]


@pytest.mark.parametrize(
    ("sent", "free_at"),
    [
        pytest.param(mails(), None, id="none"),
        pytest.param(mails(DAY), None, id="one"),
        pytest.param(mails(DAY, 2 * DAY), NOON + 5 * DAY, id="two"),
        pytest.param(mails(DAY, 2 * DAY, 3 * DAY), NOON + 5 * DAY, id="three"),
        pytest.param(mails(DAY, 7 * DAY - SECOND), NOON + SECOND, id="a-second-less-than-a-week"),
        pytest.param(mails(DAY, 7 * DAY), None, id="a-week-ago"),
        pytest.param([Sent("receipt", NOON)] * 5, None, id="other-mails-do-not-count"),
    ],
)
def test_marketing_writes_twice_a_week_at_most(
    sent: Sequence[Sent], free_at: datetime | None
) -> None:
    assert caps.free_at("winback_voluntary", sent, NOON) == free_at


def test_over_the_cap_a_mail_waits_where_it_is_still_of_use_then() -> None:
    two = mails(DAY, 2 * DAY)

    later = judged("winback_voluntary", NOON, lives=5 * DAY + SECOND, sent=two)
    never = judged("winback_voluntary", NOON, lives=5 * DAY, sent=two)

    assert (later, never) == (Later(NOON + 5 * DAY, "capped"), Skipped("capped"))


def test_what_the_contract_asks_for_knows_no_cap() -> None:
    many = [Sent("renewal_reminder", NOON)] * 9

    assert judged("renewal_reminder", NOON, sent=many) is None


@pytest.mark.parametrize(
    ("variant", "verdict"),
    [
        pytest.param("try/hold_out", Skipped("hold_out"), id="held-out"),
        pytest.param("try/plain", None, id="in"),
    ],
)
def test_who_is_held_out_gets_none(variant: str, verdict: Verdict) -> None:
    assert judged("winback_voluntary", NOON, variant=variant) == verdict


def test_holding_out_is_decided_when_the_mail_would_have_gone_out() -> None:
    """Else those who recovered before would count in one arm and not in the other."""
    night = judged("winback_voluntary", NIGHT, variant="try/hold_out")

    assert night == Later(WINDOW_OPENS, "quiet_hours")
