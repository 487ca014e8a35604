"""A subscription was paused on request: what is charged meanwhile, and when it goes on.

Stripe knows two such pauses: the status `paused`, and a hold on collecting payments. A pause
for want of payment, or of a card after a trial, has its own mail.
Source: lifecycle, row 18.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.kinds import trial_ended_no_card
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal
from notifications.subscribed import UNPAID_PAUSES, plans
from notifications.timing import TIMINGS
from sync.changes import Change, Effect, Skipped
from sync.mirror.facts import LIVE_STATUSES, pause_cause, paused_at
from sync.mirror.objects.subscription import project
from sync.mirror.shapes import Json

NAME = "paused"
# Told by other mails.
_OTHERS = {*UNPAID_PAUSES, trial_ended_no_card.CAUSE}


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a pause that has just begun."""
    if not _is_paused(change.after) or not _has_begun(change):
        return ()
    since: datetime = paused_at(change.after) or change.at
    parts, subject = (change.id, epoch(since), NAME), {"subscription": change.id}
    return [proposal(change, NAME, parts=parts, subject=subject, due_at=since)]


def _is_paused(subscription: Json) -> bool:
    now = project(subscription)
    return now["status"] in LIVE_STATUSES and is_pause(
        pause_cause(subscription), now["pause_collection_behavior"]
    )


def is_pause(cause: str | None, behavior: str | None) -> bool:
    """Tell a wanted pause, by why the status is `paused` and what becomes of invoices."""
    return behavior is not None if cause is None else cause not in _OTHERS


def _has_begun(change: Change) -> bool:
    """Tell whether the pause is new; of a hold first seen later on nobody knows since when."""
    if change.before is not None:
        return not _is_paused(change.before)
    created = project(change.after)["created"]
    is_young = created is not None and created > change.at - TIMINGS[NAME].lives
    return is_young or paused_at(change.after) is not None


def check(case: Case) -> Verdict:
    """Return why the pause is over, None while it lasts."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped("ended")
    lasts = is_pause(subscription.pause_cause, subscription.pause_collection_behavior)
    return None if lasts else Skipped("resumed")


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name.

    `is_billed_later`: what falls due meanwhile is kept and collected after the pause.
    """
    subscription = case.subscription
    assert subscription is not None, "checked before"
    return {
        "plans": plans(subscription),
        "resumes_at": subscription.resumes_at,
        "is_billed_later": subscription.pause_collection_behavior == "keep_as_draft",
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    until = samples.NOW + timedelta(days=30)
    held = {"pause_collection_behavior": "void"}
    return {
        "until-a-day": _sample(policy, resumes_at=until, **held),
        "without-end": _sample(policy, **held),
        "billed-later": _sample(
            policy, pause_collection_behavior="keep_as_draft", resumes_at=until
        ),
        "status": _sample(policy, status="paused", pause_cause="pause_requested"),
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
