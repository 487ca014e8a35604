"""A subscription began: what was bought, what it costs, when it is charged, how to stop it.

Source: lifecycle, row 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from notifications import samples
from notifications.agreed import agreed
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import proposal, status_before
from notifications.timing import TIMINGS
from sync.changes import Change, Effect, Skipped
from sync.mirror.events import READ
from sync.mirror.objects.subscription import project

NAME = "subscription_started"
_BEGUN = frozenset({"trialing", "active"})
# A start this long before the object was made is one that began elsewhere and was moved here.
_BACKDATED = timedelta(days=1)


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for the first time a subscription is seen to run."""
    if change.event_type == READ or not _begins(change):
        return ()
    subject = {"subscription": change.id}
    return [proposal(change, NAME, parts=(change.id,), subject=subject, due_at=change.at)]


def _begins(change: Change) -> bool:
    """Tell whether `change` is the beginning; of one first seen later on nobody knows that."""
    now = project(change.after)
    created, start = now["created"] or change.at, now["start_date"] or change.at
    if now["status"] not in _BEGUN or start < created - _BACKDATED:
        return False
    if change.before is None:
        return bool(created > change.at - TIMINGS[NAME].lives)
    return status_before(change) == "incomplete"


def check(case: Case) -> Verdict:
    """Return why there is nothing to welcome any more, None while the subscription runs."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    return None if subscription.status in _BEGUN else Skipped(subscription.status)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `trial_end` is unset where there is no trial."""
    subscription = case.subscription
    assert subscription is not None, "checked before"
    trial_end = subscription.trial_end if subscription.status == "trialing" else None
    return {**agreed(case, trial_end), "trial_end": trial_end, "ends_at": subscription.ends_at}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    metered = samples.ITEM_METERED
    free = replace(samples.ITEM, unit_amount_minor=0)
    return {
        "paid": _sample(policy),
        "trial": _sample(policy, status="trialing", trial_end=samples.PERIOD_END),
        "metered": _sample(policy, items=(metered,)),
        "both": _sample(policy, items=(samples.ITEM, metered)),
        "free": _sample(policy, items=(free,)),
        "invoiced": _sample(policy, collection_method="send_invoice"),
        "fixed-term": _sample(policy, cancel_at=samples.PERIOD_END),
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
)
