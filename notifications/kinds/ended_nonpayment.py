"""A subscription ended because it was not paid: what that means, and the way back.

Source: lifecycle, row 14.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from notifications import endings, samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from sync.changes import Change, Effect, Skipped

NAME = "ended_nonpayment"
REASON = "payment_failed"


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a subscription that ended for want of payment."""
    return endings.propose(change, NAME, REASON)


def check(case: Case) -> Verdict:
    """Return why nothing was lost, None when it was."""
    has_other = any(other.is_live for other in case.subscriptions)
    reason = endings.stop(case, REASON) or ("other_subscription" if has_other else None)
    return Skipped(reason) if reason else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name."""
    ended = case.subscription
    assert ended is not None, "checked before"
    return {"plans": plans(ended), "ended_at": ended.ended_at or case.now}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "unpaid": _sample(policy),
        "no-plan-name": _sample(policy, items=()),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    ended = samples.subscription(
        status="canceled", ended_at=samples.NOW, cancellation_reason=REASON, **changed
    )
    subject = {"subscription": ended.id}
    return samples.case(policy, subject=subject, subscription=ended, subscriptions=(ended,))


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
)
