"""Payment failed for good, but the subscription is still there: what stops, and how to pay.

One that has ended gets its own mail only. Source: lifecycle, row 13 and rulings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal
from notifications.subscribed import plans
from notifications.wording import Money
from sync.changes import Change, Effect, Skipped
from sync.mirror.facts import SubscriptionFacts, pause_cause, paused_at
from sync.mirror.objects.invoice import project
from sync.mirror.shapes import Json

NAME = "access_suspended"
CAUSES = frozenset({"first_payment_failure", "final_payment_failure"})


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a subscription that stops because it was not paid."""
    if not _is_suspended(change.after) or (change.before and _is_suspended(change.before)):
        return ()
    since: datetime = paused_at(change.after) or change.at
    parts, subject = (change.id, epoch(since)), {"subscription": change.id}
    return [proposal(change, NAME, parts=parts, subject=subject, due_at=since)]


def _is_suspended(subscription: Json) -> bool:
    return subscription.get("status") == "unpaid" or pause_cause(subscription) in CAUSES


def check(case: Case) -> Verdict:
    """Return why it does not stop, or has stopped for good; None while payment brings it back."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped("ended")
    return None if _stands_still(subscription) else Skipped("recovered")


def _stands_still(subscription: SubscriptionFacts) -> bool:
    return subscription.status == "unpaid" or subscription.pause_cause in CAUSES


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `amount` is unset where no invoice is open.

    A page of Stripe's settles one invoice; for several, the customer's own page shows them all,
    and without one the link leads to the oldest (`is_oldest_only`).
    """
    owed = [row for row in map(project, case.objects.get("invoice", ())) if _is_owed(row, case)]
    page = next((row["hosted_invoice_url"] for row in owed if row["hosted_invoice_url"]), None)
    portal, is_several = case.policy.portal_url, len(owed) > 1
    total_minor = sum(row["amount_remaining_minor"] for row in owed)
    return {
        "plans": plans(case.subscription),
        "amount": Money(total_minor, owed[0]["currency"]) if owed else None,
        "is_several": is_several,
        "is_oldest_only": is_several and portal is None and page is not None,
        "pay_url": (portal or page) if is_several else (page or portal),
    }


def _is_owed(invoice: Mapping[str, Any], case: Case) -> bool:
    return (
        invoice["subscription"] == case.subject["subscription"]
        and invoice["status"] == "open"
        and (invoice["amount_remaining_minor"] or 0) > 0
    )


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "one-invoice": _sample(policy, _open("in_sample")),
        "two-invoices": _sample(policy, _open("in_sample"), _open("in_sample_2")),
        "two-with-portal": _sample(
            replace(policy, portal_url="https://portal.example"),
            _open("in_sample"),
            _open("in_sample_2"),
        ),
        "nothing-open": _sample(policy),
    }


def _open(invoice_id: str) -> Json:
    return {
        "id": invoice_id,
        "object": "invoice",
        "status": "open",
        "currency": "usd",
        "amount_remaining": 2900,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{invoice_id}",
        "parent": {"subscription_details": {"subscription": "sub_sample"}},
    }


def _sample(policy: MailPolicy, *invoices: Json) -> Case:
    subscription = samples.subscription(status="unpaid")
    return samples.case(
        policy,
        subject={"subscription": subscription.id},
        subscription=subscription,
        objects={"invoice": invoices},
    )


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
    needs={"invoice": ("open",)},
)
