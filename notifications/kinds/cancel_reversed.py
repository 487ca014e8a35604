"""A scheduled end was taken back: the subscription goes on.

Only whoever was told of the end is told that it does not come. Source: lifecycle, row 16.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from notifications import samples
from notifications.agreed import agreed
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.kinds import cancel_scheduled
from notifications.kinds.cancel_scheduled import ASK_AGAIN_S, end_of, last_told
from notifications.policy import MailPolicy
from notifications.proposal import proposal
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import LIVE_STATUSES

NAME = cancel_scheduled.REVERSED


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for an end that is no longer scheduled."""
    if change.before is None or change.after.get("status") not in LIVE_STATUSES:
        return ()
    if end_of(change.before) is None or end_of(change.after) is not None:
        return ()
    parts, subject = (change.id, change.event_id), {"subscription": change.id}
    return [proposal(change, NAME, parts=parts, subject=subject, due_at=change.at)]


def check(case: Case) -> Verdict:
    """Return why there is nothing to take back, None when the customer was told of an end."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped("ended")
    if subscription.cancel_is_set:
        return Skipped("cancel_set")
    told = last_told(case)
    if told is None or told.kind == NAME:
        return Skipped("cancel_unsent")
    return RetryIn(ASK_AGAIN_S, "cancel_is_being_sent") if told.is_open else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name."""
    assert case.subscription is not None, "checked before"
    return agreed(case, case.subscription.current_period_end)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "fixed-price": _sample(policy),
        "metered": _sample(policy, items=(samples.ITEM_METERED,)),
        "both": _sample(policy, items=(samples.ITEM, samples.ITEM_METERED)),
        "free": _sample(policy, items=(replace(samples.ITEM, unit_amount_minor=0),)),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    subscription = samples.subscription(**changed)
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
    recalls=(cancel_scheduled.NAME, NAME),
)
