"""A subscription will end: the day, and how to take it back.

Who thinks again at once hears nothing: the mail waits for some minutes. Who took it back and
cancels again for the same day is told again: `canceled_at` tells one cancellation from the next.
Source: lifecycle, row 15, and docs/decisions/0011.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from notifications import samples
from notifications.case import Case, Mail
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal
from notifications.subscribed import plans
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import LIVE_STATUSES, scheduled_end
from sync.mirror.objects.subscription import project
from sync.mirror.shapes import Json

NAME = "cancel_scheduled"
REVERSED = "cancel_reversed"
ASK_AGAIN_S = 60.0
DEBOUNCE = timedelta(minutes=5)


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for an end that was set or moved."""
    ends_at, asked_at = end_of(change.after), _asked_at(change)
    if ends_at is None or asked_at is None:
        return ()
    end, canceled_at = epoch(ends_at), project(change.after)["canceled_at"]
    return [
        proposal(
            change,
            NAME,
            parts=(change.id, end, *((epoch(canceled_at),) if canceled_at else ())),
            subject={"subscription": change.id, "ends_at": end},
            due_at=asked_at + DEBOUNCE,
        )
    ]


def end_of(subscription: Json) -> datetime | None:
    """Return when a subscription that still lives will end, None when it goes on."""
    return _end_set_in(subscription) if subscription.get("status") in LIVE_STATUSES else None


def _end_set_in(subscription: Json) -> datetime | None:
    now = project(subscription)
    return scheduled_end(
        cancel_at=now["cancel_at"],
        at_period_end=bool(now["cancel_at_period_end"]),
        period_end=now["current_period_end"],
    )


def _asked_at(change: Change) -> datetime | None:
    """Return when the end was set, None when it stood before, or from the very beginning.

    A subscription sold for a fixed term ends as agreed: nobody canceled it.
    """
    if change.before is not None:
        return change.at if _end_set_in(change.before) != end_of(change.after) else None
    now = project(change.after)
    asked_at, created = now["canceled_at"], now["created"]
    return asked_at if asked_at and created and asked_at > created else None


def check(case: Case) -> Verdict:
    """Return why it does not end on the day the mail would tell, None when it does."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped("ended")
    if subscription.ends_at is None:
        return Skipped("reversed")
    return _told_before(case) if subscription.ends_at == _told(case) else Skipped("date_moved")


def _told_before(case: Case) -> Verdict:
    """Return whether this very day is the last that the customer heard."""
    last = last_told(case)
    if last is None or last.kind != NAME or last.subject.get("ends_at") != case.subject["ends_at"]:
        return None
    return RetryIn(ASK_AGAIN_S, "is_being_sent") if last.is_open else Skipped("told_before")


def last_told(case: Case) -> Mail | None:
    """Return the last mail about an end that went out, or is just going out."""
    about = case.subject["subscription"]
    told = [mail for mail in case.mails if mail.subject.get("subscription") == about]
    found = [mail for mail in told if mail.went_out or mail.state == "sending"]
    return found[-1] if found else None


def _told(case: Case) -> datetime:
    return datetime.fromtimestamp(int(case.subject["ends_at"]), UTC)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name."""
    subscription = case.subscription
    assert subscription is not None, "checked before"
    return {
        "plans": plans(subscription),
        "ends_at": _told(case),
        "is_running": subscription.status in {"trialing", "active"},
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "at-period-end": _sample(policy),
        "trial": _sample(policy, status="trialing", trial_end=samples.PERIOD_END),
        "in-arrears": _sample(policy, status="past_due"),
        "no-plan-name": _sample(policy, items=()),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    subscription = samples.subscription(cancel_at=samples.PERIOD_END, **changed)
    subject = {"subscription": subscription.id, "ends_at": epoch(samples.PERIOD_END)}
    return samples.case(policy, subject=subject, subscription=subscription)


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
    recalls=(NAME, REVERSED),
)
