"""A subscription's end, by its reason: proposed once, and looked at again when it is told."""

from collections.abc import Sequence

from notifications.case import Case
from notifications.proposal import proposal
from sync.changes import Change, Effect
from sync.mirror.objects.subscription import project


def propose(change: Change, kind: str, reason: str) -> Sequence[Effect]:
    """Return the mail `kind` for a subscription that ended for `reason`."""
    now = project(change.after)
    if now["status"] != "canceled" or now["cancellation_reason"] != reason:
        return ()
    subject = {"subscription": change.id}
    due_at = now["ended_at"] or change.at
    return [proposal(change, kind, parts=(change.id,), subject=subject, due_at=due_at)]


def stop(case: Case, reason: str) -> str | None:
    """Return why the subscription did not end for `reason`, None when it did."""
    ended = case.subscription
    if ended is None:
        return "subscription_gone"
    if ended.status != "canceled":
        return "not_ended"
    return None if ended.cancellation_reason == reason else "other_reason"
