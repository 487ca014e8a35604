"""Somebody left because they were unhappy with us: a person shall write to them, no machine.

Goes to INTERNAL_INBOX the day after the end, in place of the first mail of `winback_voluntary`.
Source: lifecycle, row 23 ("human first").
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.notices import verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from notifications.timing import TIMINGS
from sync.dashboard import dashboard_url

NAME = "winback_task"


def check(case: Case) -> Verdict:
    """Return why nobody needs to write, None when somebody should."""
    if case.customer.deleted:
        return verdict("customer_deleted")
    back = any(other.is_live for other in case.subscriptions)
    return verdict("resubscribed" if back else None)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; the customer only by id and a link to Stripe."""
    ended, who = case.subscription, case.customer
    return {
        "feedback": case.subject["feedback"],
        "plans": plans(ended),
        "ended_at": ended.ended_at if ended else None,
        "customer_id": who.id,
        "customer_url": dashboard_url(who.account, f"customers/{who.id}", livemode=who.livemode),
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {reason: _sample(policy, reason) for reason in ("low_quality", "customer_service")}


def _sample(policy: MailPolicy, feedback: str) -> Case:
    ended_at = samples.NOW - timedelta(days=1)
    ended = samples.subscription(status="canceled", ended_at=ended_at)
    subject = {"subscription": ended.id, "feedback": feedback}
    return samples.case(policy, subject=subject, subscription=ended)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
)
