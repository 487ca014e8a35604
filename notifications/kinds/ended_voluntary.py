"""A subscription ended as the customer wished: the confirmation, and a question why.

Source: lifecycle, row 17.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from notifications import endings, samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from sync.changes import Change, Effect, Skipped

NAME = "ended_voluntary"
REASON = "cancellation_requested"


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a subscription that ended on request."""
    return endings.propose(change, NAME, REASON)


def check(case: Case) -> Verdict:
    """Return why there is no end to confirm, None when there is."""
    reason = endings.stop(case, REASON)
    return Skipped(reason) if reason else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `has_feedback`: the customer said why already."""
    ended = case.subscription
    assert ended is not None, "checked before"
    return {
        "plans": plans(ended),
        "ended_at": ended.ended_at or case.now,
        "has_feedback": ended.cancellation_feedback is not None,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "no-reason-told": _sample(policy),
        "reason-told": _sample(policy, cancellation_feedback="unused"),
        "no-plan-name": _sample(policy, items=()),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    ended = samples.subscription(
        status="canceled", ended_at=samples.NOW, cancellation_reason=REASON, **changed
    )
    return samples.case(policy, subject={"subscription": ended.id}, subscription=ended)


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
)
