"""What we are told of disputes, fraud, failed refunds and ends that no customer is told of."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.kinds import dispute_alert
from sync.changes import Done, Skipped
from tests.mail_server import MailServer
from tests.notifications import shop
from tests.notifications.changes import change, planned
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

KIND = dispute_alert.NAME
DUE_BY = NOW + 9 * DAY


def dispute(due_by: Any = DUE_BY, **changed: Any) -> dict[str, Any]:
    return {
        "id": "dp_1",
        "object": "dispute",
        "charge": "ch_1",
        "status": "needs_response",
        "reason": "fraudulent",
        "amount": 2900,
        "currency": "usd",
        "created": shop.seconds(NOW),
        "evidence_details": {"due_by": shop.seconds(due_by), "submission_count": 0},
        **changed,
    }


def inquiry(**changed: Any) -> dict[str, Any]:
    return dispute(status="warning_needs_response", **changed)


@pytest.mark.parametrize(
    ("after", "before", "phases"),
    [
        pytest.param(
            dispute(),
            None,
            {"dispute": NOW, "dispute-3": DUE_BY - 3 * DAY, "dispute-1": DUE_BY - DAY},
            id="opened",
        ),
        pytest.param(dispute(None), None, {"dispute": NOW}, id="without-a-date"),
        pytest.param(
            dispute(NOW + 3 * DAY), None, {"dispute": NOW, "dispute-1": NOW + 2 * DAY}, id="short"
        ),
        pytest.param(dispute(NOW + DAY), None, {"dispute": NOW}, id="very-short"),
        pytest.param(
            inquiry(),
            None,
            {"inquiry": NOW, "inquiry-3": DUE_BY - 3 * DAY, "inquiry-1": DUE_BY - DAY},
            id="inquiry",
        ),
        pytest.param(dispute(status="lost"), None, {"dispute": NOW}, id="lost-at-once"),
        pytest.param(dispute(status="lost"), dispute(), {}, id="lost-later"),
        pytest.param(dispute(status="under_review"), dispute(), {}, id="answered"),
        pytest.param(dispute(status="won"), None, {}, id="won"),
    ],
)
def test_the_alerts_of_a_dispute(after: Any, before: Any, phases: dict[str, Any]) -> None:
    found = planned(KIND, change(after, before))

    assert {effect.key.rpartition(":")[2]: effect.due_at for effect in found} == phases
    assert all(effect.key.startswith(":test:dispute_alert:dp_1:") for effect in found)


@pytest.mark.parametrize(
    ("after", "lives"),
    [
        pytest.param(dispute(), 9 * DAY, id="until-evidence-is-due"),
        pytest.param(dispute(None), DAY, id="a-day-without-a-date"),
        pytest.param(dispute(status="lost"), DAY, id="a-day-when-lost"),
    ],
)
def test_an_alert_is_of_use_until_the_answer_is_due(after: Any, lives: Any) -> None:
    assert {effect.expires_at for effect in planned(KIND, change(after))} == {NOW + lives}


def test_an_inquiry_that_becomes_a_dispute_is_told_again() -> None:
    asked = planned(KIND, change(inquiry()))
    disputed = planned(KIND, change(dispute(), inquiry(), at=NOW + DAY))

    assert not {effect.key for effect in asked} & {effect.key for effect in disputed}
    assert disputed[0].due_at == NOW + DAY


@pytest.mark.parametrize(
    ("now", "subject", "reason"),
    [
        pytest.param(dispute(), {}, None, id="open"),
        pytest.param(dispute(), {"days": "3"}, None, id="still-open"),
        pytest.param(dispute(status="under_review"), {}, "submitted", id="answered"),
        pytest.param(
            dispute(evidence_details={"submission_count": 1}), {}, "submitted", id="sent-and-open"
        ),
        pytest.param(dispute(status="won"), {"days": "3"}, "closed", id="won"),
        pytest.param(dispute(status="warning_closed"), {}, "closed", id="inquiry-closed"),
        pytest.param(dispute(status="prevented"), {}, "closed", id="prevented"),
        pytest.param(dispute(status="lost"), {}, None, id="lost-is-news"),
        pytest.param(dispute(status="lost"), {"days": "1"}, "closed", id="lost-needs-no-reminder"),
        pytest.param(inquiry(), {}, "moved_on", id="another-stage"),
        pytest.param(None, {}, "dispute_gone", id="unknown"),
    ],
)
def test_an_alert_stops_when_the_dispute_is_answered_or_closed(
    now: Any, subject: dict[str, str], reason: str | None
) -> None:
    told = {"topic": "dispute", "stage": "dispute", **subject}
    case = samples.case(shop.policy(), subject=told, named={"dispute": now} if now else {})

    assert dispute_alert.check(case) == (Skipped(reason) if reason else None)


WARNING = {
    "id": "issfr_1",
    "object": "radar.early_fraud_warning",
    "charge": "ch_1",
    "actionable": True,
    "fraud_type": "made_with_stolen_card",
    "created": shop.seconds(NOW),
}
FAILED = {"id": "re_1", "object": "refund", "charge": "ch_1", "status": "failed"}
DISPUTED = shop.ended(NOW, reason="payment_disputed")


@pytest.mark.parametrize(
    ("after", "before", "key"),
    [
        pytest.param(WARNING, None, "issfr_1:warning", id="fraud-warning"),
        pytest.param({**WARNING, "actionable": False}, None, None, id="nothing-to-do-any-more"),
        pytest.param(FAILED, {**FAILED, "status": "pending"}, "re_1:failed", id="refund-failed"),
        pytest.param(FAILED, FAILED, None, id="refund-failed-before"),
        pytest.param(DISPUTED, None, "sub_1:ended", id="ended-by-dispute"),
        pytest.param(
            shop.ended(NOW, reason="canceled_by_retention_policy"), None, "sub_1:ended", id="policy"
        ),
        pytest.param(shop.ended(NOW), None, None, id="ended-by-choice"),
    ],
)
def test_what_else_is_for_us_alone(after: Any, before: Any, key: str | None) -> None:
    found = planned(KIND, change(after, before))

    assert [effect.key for effect in found] == ([f":test:dispute_alert:{key}"] if key else [])
    assert all(effect.expires_at == NOW + DAY for effect in found)


@pytest.mark.parametrize(
    ("actionable", "reason"),
    [
        pytest.param(True, None, id="a-refund-helps"),
        pytest.param(False, "not_actionable", id="too-late-for-a-refund"),
    ],
)
def test_a_warning_stops_when_nothing_can_be_done(actionable: bool, reason: str | None) -> None:
    named = {"warning": {**WARNING, "actionable": actionable}}
    case = samples.case(shop.policy(), subject={"topic": "warning"}, named=named)

    assert dispute_alert.check(case) == (Skipped(reason) if reason else None)


@pytest.mark.parametrize(
    ("account", "livemode", "url"),
    [
        pytest.param("", True, "https://dashboard.stripe.com/payments/ch_1", id="live"),
        pytest.param("", False, "https://dashboard.stripe.com/test/payments/ch_1", id="test"),
        pytest.param(
            "acct_1", True, "https://dashboard.stripe.com/acct_1/payments/ch_1", id="connected"
        ),
    ],
)
def test_the_link_leads_to_the_payment(account: str, livemode: bool, url: str) -> None:
    who = replace(samples.CUSTOMER, account=account, livemode=livemode)
    case = samples.case(shop.policy(), subject={"topic": "dispute", "charge": "ch_1"})

    assert dispute_alert.context(replace(case, customer=who))["dashboard_url"] == url


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        pytest.param({"internal_inbox": "risk@garden.example"}, "risk@garden.example", id="risk"),
        pytest.param({"marketing_inbox": "us@garden.example"}, "us@garden.example", id="marketing"),
        pytest.param({}, None, id="nobody"),
    ],
)
def test_a_dispute_from_event_to_our_inbox(
    engine: Engine, smtp_server: MailServer, settings: Any, outcome: str | None
) -> None:
    """Sent to us also when the customer is deleted or has no address."""
    charge = {"id": "ch_1", "object": "charge", "customer": "cus_1", "amount": 2900}
    shop.mirror(engine, shop.customer(email=None), {**charge, "status": "succeeded"})
    shop.plan(engine, shop.mirror(engine, dispute()))
    shop.plan(engine, shop.mirror(engine, dispute(metadata={}), at=NOW + SECOND))
    policy = shop.policy(**settings)
    (first,) = shop.deliver_due(engine, smtp_server.url, NOW + HOUR, policy)
    shop.mirror(engine, dispute(status="under_review"), at=NOW + 2 * HOUR)
    reminders = shop.deliver_due(engine, smtp_server.url, DUE_BY - DAY, policy)

    assert isinstance(first, Done) if outcome else first == Skipped("no_internal_inbox")
    assert [mail["To"] for mail in smtp_server.messages] == ([outcome] if outcome else [])
    assert len(reminders) == 2
    assert all(isinstance(reminder, Skipped) for reminder in reminders)
