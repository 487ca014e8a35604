"""What follows an attempt: the schedule and its spread, and when "again" is no longer safe."""

from datetime import timedelta
from uuid import uuid4

import pytest

from sync.changes import Done, Effect, Failed, Outcome, RetryIn, Skipped, Unknown
from sync.delivery.patience import DELAYS_S, JITTER, Verdict, delay_s, is_too_late, verdict
from sync.delivery.policy import Policy
from sync.store.outbox import Claimed
from tests.delivery.made import NOON, delta, state

DAY = timedelta(days=1)
KEYED, KEYLESS = Policy(key_lives=DAY), Policy()
EDGE = 0.9 * DAY
MOMENT = timedelta(milliseconds=1)


def claimed(effect: Effect, attempts: int = 1, *, sent_before: timedelta | None = None) -> Claimed:
    first = NOON - sent_before if sent_before is not None else None
    return Claimed(effect=effect, lease=uuid4(), attempts=attempts, revision=1, first_sent_at=first)


@pytest.mark.parametrize("attempts", range(1, 10))
def test_the_wait_is_that_of_the_schedule_spread_by_a_fifth(attempts: int) -> None:
    planned = DELAYS_S[attempts - 1]
    waits = [delay_s(f"key {number}", attempts) for number in range(200)]

    assert planned <= min(waits) < planned * (1 + JITTER / 10)
    assert planned * (1 + JITTER * 9 / 10) < max(waits) <= planned * (1 + JITTER)


def test_the_spread_is_the_same_at_each_look() -> None:
    assert delay_s("k", 3) == delay_s("k", 3)
    assert delay_s("k", 3) != delay_s("l", 3)


@pytest.mark.parametrize(("asked_s", "kept"), [(1, False), (77, True)])
def test_a_longer_wait_that_the_other_side_asks_for_is_kept(asked_s: float, *, kept: bool) -> None:
    found = verdict(claimed(delta()), RetryIn(asked_s, "p_503"), KEYLESS, NOON).outcome

    assert isinstance(found, RetryIn)
    assert (found.delay_s == asked_s) == kept


@pytest.mark.parametrize("outcome", [RetryIn(1, "smtp_451"), Unknown("p_500", 1)], ids=str)
@pytest.mark.parametrize(("attempts", "ends"), [(9, False), (10, True)])
def test_after_nine_waits_a_state_is_given_up(
    attempts: int, outcome: Outcome, *, ends: bool
) -> None:
    reason = getattr(outcome, "reason", "")
    found = verdict(claimed(state(), attempts), outcome, KEYLESS, NOON).outcome

    assert (found == Failed(f"gave_up_{reason}")) == ends


@pytest.mark.parametrize(
    ("sent_before", "end"),
    [(None, Failed("gave_up_x")), (timedelta(0), Unknown("gave_up_x"))],
    ids=["never-left", "may-have-left-before"],
)
def test_a_delta_is_given_up_as_failed_only_if_it_never_left(
    sent_before: timedelta | None, end: Outcome
) -> None:
    last = claimed(delta(), 10, sent_before=sent_before)

    assert verdict(last, RetryIn(1, "x"), KEYED, NOON).outcome == end


@pytest.mark.parametrize(
    "outcome",
    [
        Done("7"),
        Skipped("paid"),
        Failed("p_400"),
        RetryIn(0.1, "rate_limited", "sink"),
        RetryIn(86_400, "breaker_open", "sink"),
    ],
    ids=str,
)
def test_an_end_and_a_rest_of_the_sink_stay_what_they_are(outcome: Outcome) -> None:
    assert verdict(claimed(delta(), 99), outcome, KEYED, NOON) == Verdict(outcome)


@pytest.mark.parametrize(
    ("effect", "policy", "sent_before", "again"),
    [
        pytest.param(state(), KEYLESS, None, True, id="a-state-always"),
        pytest.param(delta(), KEYLESS, None, False, id="a-delta-without-key-never"),
        pytest.param(delta(), KEYED, timedelta(0), True, id="at-once"),
        pytest.param(delta(), KEYED, EDGE - MOMENT, True, id="just-within-the-keys-life"),
        pytest.param(delta(), KEYED, EDGE, False, id="just-beyond"),
    ],
)
def test_what_is_unclear_comes_again_only_where_twice_is_once(
    effect: Effect, policy: Policy, sent_before: timedelta | None, *, again: bool
) -> None:
    found = verdict(claimed(effect, sent_before=sent_before), Unknown("p_500"), policy, NOON)

    assert found.may_have_left
    assert isinstance(found.outcome, RetryIn) == again
    assert again or found.outcome == Unknown("p_500")


@pytest.mark.parametrize("outcome", [RetryIn(9, "p"), RetryIn(9, "p", "sink")], ids=str)
@pytest.mark.parametrize("left", [True, False])
def test_an_earlier_try_may_have_happened(outcome: Outcome, *, left: bool) -> None:
    assert verdict(claimed(delta()), outcome, KEYED, NOON, left=left).may_have_left == left


@pytest.mark.parametrize(
    ("effect", "sent_before", "late"),
    [
        pytest.param(delta(), None, False, id="never-sent"),
        pytest.param(delta(), EDGE - MOMENT, False, id="just-within"),
        pytest.param(delta(), EDGE, True, id="just-beyond"),
        pytest.param(state(), 9 * DAY, False, id="a-state-is-never-too-late"),
    ],
)
def test_beyond_its_keys_life_nothing_is_sent(
    effect: Effect, sent_before: timedelta | None, *, late: bool
) -> None:
    assert is_too_late(claimed(effect, sent_before=sent_before), KEYED, NOON) == late
