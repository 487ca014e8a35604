"""For us: a payment is in dispute, or suspected of fraud, or a refund did not get through.

With it come the two ends of a subscription that are told to nobody else.
Source: lifecycle, row 24, rulings, and section 2 (a failed refund is for us).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import paid_by, proposal
from notifications.subscribed import plans
from notifications.wording import Money
from sync.changes import Change, Effect, Skipped
from sync.dashboard import dashboard_url
from sync.mirror.objects import dispute, early_fraud_warning, refund, subscription
from sync.mirror.shapes import Json

NAME = "dispute_alert"
REMINDER_DAYS = (3, 1)
# Stripe's status of a dispute that waits for an answer, and what we call it then. An inquiry
# may turn into a dispute, and a lost one be appealed: each is news.
_STAGES = MappingProxyType(
    {
        "warning_needs_response": "inquiry",
        "needs_response": "dispute",
        "appeal_needs_response": "appeal",
        # Some payment methods leave no chance to answer.
        "lost": "dispute",
    }
)
_ANSWERED = frozenset({"under_review", "warning_under_review", "appeal_under_review"})
_ENDS = frozenset({"payment_disputed", "canceled_by_retention_policy"})
# What convinces a bank, by the reason it gives. Source: Stripe's docs, disputes/categories.
_EVIDENCE = MappingProxyType(
    {
        "fraudulent": "fraud",
        "unrecognized": "fraud",
        "product_not_received": "delivery",
        "product_unacceptable": "quality",
        "subscription_canceled": "cancellation",
        "credit_not_processed": "refund",
        "duplicate": "duplicate",
    }
)


def plan(change: Change) -> Sequence[Effect]:
    """Return the alerts for what `change` shows."""
    return _PLANS[change.object](change)


def _of_dispute(change: Change) -> Sequence[Effect]:
    now = dispute.project(change.after)
    stage, due_by = _STAGES.get(now["status"] or ""), now["evidence_due_by"]
    is_lost = now["status"] == "lost"
    if stage is None or (is_lost and change.before):
        return ()
    opened_at = change.at if change.before else (now["created"] or change.at)
    told = {"topic": "dispute", "stage": stage, "dispute": change.id, **paid_by(now)}

    def alert(phase: str, due_at: datetime, **more: str) -> Effect:
        about = None if is_lost else due_by
        parts, subject = (change.id, phase), {**told, **more}
        return proposal(change, NAME, parts=parts, subject=subject, due_at=due_at, about=about)

    reminders = [(days, due_by - timedelta(days=days)) for days in REMINDER_DAYS if due_by]
    return [
        alert(stage, opened_at),
        *(
            alert(f"{stage}-{days}", due_at, days=str(days))
            for days, due_at in reminders
            if due_at > opened_at and not is_lost
        ),
    ]


def _of_warning(change: Change) -> Sequence[Effect]:
    now = early_fraud_warning.project(change.after)
    if not now["actionable"]:
        return ()
    subject = {"topic": "warning", "warning": change.id, **paid_by(now)}
    due_at = now["created"] or change.at
    return [proposal(change, NAME, parts=(change.id, "warning"), subject=subject, due_at=due_at)]


def _of_end(change: Change) -> Sequence[Effect]:
    now = subscription.project(change.after)
    if now["status"] != "canceled" or now["cancellation_reason"] not in _ENDS:
        return ()
    subject = {"topic": "ended", "subscription": change.id}
    due_at = now["ended_at"] or change.at
    return [proposal(change, NAME, parts=(change.id, "ended"), subject=subject, due_at=due_at)]


def _of_refund(change: Change) -> Sequence[Effect]:
    now = refund.project(change.after)
    if now["status"] != "failed" or (change.before or {}).get("status") == "failed":
        return ()
    subject = {"topic": "refund_failed", "refund": change.id, **paid_by(now)}
    return [proposal(change, NAME, parts=(change.id, "failed"), subject=subject, due_at=change.at)]


_PLANS: Mapping[str, Callable[[Change], Sequence[Effect]]] = MappingProxyType(
    {
        "dispute": _of_dispute,
        "radar.early_fraud_warning": _of_warning,
        "subscription": _of_end,
        "refund": _of_refund,
    }
)


def check(case: Case) -> Verdict:
    """Return why nobody has to look any more, None while somebody has."""
    reason = _STOPS[case.subject["topic"]](case)
    return Skipped(reason) if reason else None


def _dispute_stop(case: Case) -> str | None:
    data = case.named.get("dispute")
    if data is None:
        return "dispute_gone"
    now = dispute.project(data)
    if now["status"] in _ANSWERED or (now["evidence_submission_count"] or 0) > 0:
        return "submitted"
    stage = _STAGES.get(now["status"] or "")
    if stage is None or (now["status"] == "lost" and "days" in case.subject):
        return "closed"
    return None if stage == case.subject["stage"] else "moved_on"


def _warning_stop(case: Case) -> str | None:
    actionable = case.named.get("warning", {}).get("actionable")
    return None if actionable else "not_actionable"


_STOPS: Mapping[str, Callable[[Case], str | None]] = MappingProxyType(
    {
        "dispute": _dispute_stop,
        "warning": _warning_stop,
        "ended": lambda case: None if case.subscription else "subscription_gone",
        "refund_failed": lambda case: None if "refund" in case.named else "refund_gone",
    }
)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; what a topic does not have is None or empty."""
    topic, ended = case.subject["topic"], case.subscription
    disputed = dispute.project(case.named.get("dispute", {}))
    return {
        "topic": topic,
        "stage": case.subject.get("stage"),
        "is_lost": disputed["status"] == "lost",
        "is_reminder": "days" in case.subject,
        "due_by": None if disputed["status"] == "lost" else disputed["evidence_due_by"],
        "amount": _amount(case),
        "reason": _reason(case),
        "evidence": _EVIDENCE.get(disputed["reason"] or "", "general"),
        "plans": plans(ended),
        "ended_at": ended.ended_at if ended else None,
        "customer_id": case.customer.id,
        "dashboard_url": _dashboard(case),
    }


def _amount(case: Case) -> Money | None:
    """Return what it is about: the dispute's amount, else the refund's, else the charge's."""
    told = (case.named.get(name) for name in ("dispute", "refund", "charge"))
    first: Json = next(filter(None, told), {})
    amount, currency = first.get("amount"), first.get("currency")
    return Money(amount, currency) if isinstance(amount, int) and currency else None


def _reason(case: Case) -> str:
    """Return the reason Stripe gives, in its own words: they are the dashboard's too."""
    ended = case.subscription
    told = (
        case.named.get("dispute", {}).get("reason"),
        case.named.get("warning", {}).get("fraud_type"),
        case.named.get("refund", {}).get("failure_reason"),
        ended.cancellation_reason if ended else None,
    )
    return str(next(filter(None, told), "")).replace("_", " ")


def _dashboard(case: Case) -> str:
    who, subject = case.customer, case.subject
    list_ = "subscriptions" if subject["topic"] == "ended" else "payments"
    names = ("subscription", "charge", "payment_intent")
    about = next(filter(None, map(subject.get, names)), "")
    return dashboard_url(who.account, f"{list_}/{about}", livemode=who.livemode)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    reasons = {
        f"dispute-{kind}": _dispute_sample(policy, reason=reason)
        for reason, kind in {**_EVIDENCE, "general": "general"}.items()
    }
    charge = {"id": "ch_sample", "amount": 2900, "currency": "usd"}
    warning = {"id": "issfr_sample", "actionable": True, "fraud_type": "made_with_stolen_card"}
    failed = {**charge, "id": "re_sample", "status": "failed", "failure_reason": "declined"}
    return {
        **reasons,
        "reminder": _dispute_sample(policy, days="1"),
        "inquiry": _dispute_sample(policy, "inquiry", status="warning_needs_response"),
        "appeal": _dispute_sample(policy, "appeal", status="appeal_needs_response"),
        "lost": _dispute_sample(policy, status="lost"),
        "warning": _sample(policy, "warning", warning=warning, charge=charge),
        "refund-failed": _sample(policy, "refund_failed", refund=failed, charge=charge),
        "ended": _ended_sample(policy),
    }


def _sample(policy: MailPolicy, topic: str, **named: Json) -> Case:
    subject = {"topic": topic, "charge": "ch_sample"}
    return samples.case(policy, subject=subject, named=named)


def _dispute_sample(
    policy: MailPolicy, stage: str = "dispute", days: str | None = None, **changed: Any
) -> Case:
    due_by = int((samples.NOW + timedelta(days=9)).timestamp())
    disputed = {
        "id": "dp_sample",
        "amount": 2900,
        "currency": "usd",
        "reason": "fraudulent",
        "status": "needs_response",
        "evidence_details": {"due_by": due_by},
        **changed,
    }
    more = {"days": days} if days else {}
    subject = {"topic": "dispute", "stage": stage, "charge": "ch_sample", **more}
    return samples.case(policy, subject=subject, named={"dispute": disputed})


def _ended_sample(policy: MailPolicy) -> Case:
    ended = samples.subscription(
        status="canceled", ended_at=samples.NOW, cancellation_reason="payment_disputed"
    )
    subject = {"topic": "ended", "subscription": ended.id}
    return samples.case(policy, subject=subject, subscription=ended)


KIND = Kind(
    name=NAME,
    category="internal",
    check=check,
    context=context,
    samples=sample_cases,
    watches=tuple(_PLANS),
    plan=plan,
)
