"""A trial ended without a payment method: the subscription waits for one.

Source: lifecycle, row 4.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from notifications import samples
from notifications.agreed import agreed
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal, status_before
from sync.changes import Change, Effect, Skipped
from sync.mirror.facts import pause_cause, paused_at
from sync.mirror.objects.subscription import project

NAME = "trial_ended_no_card"
CAUSE = "trial_end_without_payment_method"


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a subscription that was paused for want of a payment method."""
    if pause_cause(change.after) != CAUSE or status_before(change) == "paused":
        return ()
    since = paused_at(change.after) or project(change.after)["trial_end"] or change.at
    parts, subject = (change.id, epoch(since)), {"subscription": change.id}
    return [proposal(change, NAME, parts=parts, subject=subject, due_at=since)]


def check(case: Case) -> Verdict:
    """Return why no payment method is wanted any more, None while it is."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped(subscription.status)
    return None if subscription.pause_cause == CAUSE else Skipped("resumed")


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name."""
    return agreed(case, case.now)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "fixed-price": _sample(policy),
        "metered": _sample(policy, items=(samples.ITEM_METERED,)),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    subscription = samples.subscription(
        status="paused",
        pause_cause=CAUSE,
        paused_at=samples.NOW,
        trial_end=samples.NOW,
        **changed,
    )
    subject = {"subscription": subscription.id}
    return samples.case(policy, subject=subject, subscription=subscription)


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
)
