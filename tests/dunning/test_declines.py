"""What a refusal means, and by what the money came in the end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.dunning.bills import Outcome
from notifications.dunning.declines import ADVICE, segment_of
from notifications.dunning.payments import Attempt, how_paid, refusal_of
from notifications.dunning.segments import SEGMENTS

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("code", "advice", "segment"),
    [
        pytest.param("insufficient_funds", None, "funds", id="money-short"),
        pytest.param("insufficient_funds", "try_again_later", "funds", id="later"),
        pytest.param("insufficient_funds", "do_not_try_again", "card", id="made-hard"),
        pytest.param("do_not_honor", "do_not_try_again", "card", id="bank-made-hard"),
        pytest.param("never_heard_of", None, "unknown", id="unknown-is-soft"),
        pytest.param("never_heard_of", "do_not_try_again", "card", id="unknown-made-hard"),
        pytest.param(None, None, "unknown", id="no-code"),
        pytest.param("stolen_card", "do_not_try_again", "blocked", id="hard-already"),
        pytest.param("authentication_required", "confirm_card_data", "confirm", id="confirm"),
        pytest.param("revocation_of_authorization", "do_not_try_again", "revoked", id="revoked"),
    ],
)
def test_a_code_has_its_segment(code: str | None, advice: str | None, segment: str) -> None:
    assert segment_of(code, advice) == segment


def test_every_code_leads_to_a_segment_that_exists() -> None:
    assert {row.segment for row in ADVICE.values()} <= set(SEGMENTS)


def test_stripes_codes_without_a_retry_are_hard() -> None:
    never = (
        "incorrect_number lost_card pickup_card stolen_card revocation_of_authorization"
        " revocation_of_all_authorizations authentication_required highest_risk_level"
        " transaction_not_allowed"
    )
    assert all(ADVICE[code].hard for code in never.split())


def attempt(after: timedelta, status: str, **told: Any) -> Attempt:
    return Attempt(at=START + after, status=status, **told)


SHORT = attempt(0 * DAY, "failed", code="insufficient_funds", fingerprint="a", method="pm_1")


@pytest.mark.parametrize(
    ("paid", "renewed", "cause"),
    [
        pytest.param({"fingerprint": "a", "method": "pm_1"}, None, "retry", id="same-card"),
        pytest.param({"fingerprint": "a", "method": "pm_2"}, None, "retry", id="same-card-again"),
        pytest.param({"fingerprint": "b", "method": "pm_2"}, None, "new_method", id="other-card"),
        pytest.param({"method": "pm_2"}, None, "new_method", id="no-card"),
        pytest.param({}, None, "retry", id="nothing-told"),
        pytest.param({"fingerprint": "b", "method": "pm_1"}, DAY, "card_updater", id="renewed"),
        pytest.param({"fingerprint": "a", "method": "pm_1"}, -DAY, "retry", id="renewed-before"),
        pytest.param({"fingerprint": "a", "method": "pm_1"}, 3 * DAY, "retry", id="renewed-after"),
    ],
)
def test_by_what_the_money_came(
    paid: dict[str, str], renewed: timedelta | None, cause: Outcome
) -> None:
    tries = [SHORT, attempt(2 * DAY, "succeeded", **paid)]
    renewals = {"pm_1": START + renewed} if renewed else {}

    assert how_paid(tries, off_stripe=False, renewed=renewals) == cause
    assert how_paid(tries, off_stripe=True, renewed=renewals) == "out_of_band"


@pytest.mark.parametrize(
    ("asked", "segment"),
    [
        pytest.param(None, "funds", id="not-asked"),
        pytest.param(-SECOND, "funds", id="asked-before"),
        pytest.param(0 * DAY, "confirm", id="asked-at-the-same-attempt"),
        pytest.param(SECOND, "confirm", id="asked-later"),
    ],
)
def test_the_banks_newest_word_counts(asked: timedelta | None, segment: str) -> None:
    refusal = refusal_of([SHORT], None if asked is None else START + asked)

    assert refusal is not None
    assert refusal.segment == segment
