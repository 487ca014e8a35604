"""A renewal's charge failed: three calm mails about one invoice, until it is settled.

One campaign per invoice, timed from its first failure, never one mail per event: Stripe
counts attempts that were never made, so no mail says how often we tried.
Source: lifecycle, row 10 and section 2.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.keys import effect_key
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from notifications.wording import Money
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import InvoiceFacts, SubscriptionFacts
from sync.mirror.objects.invoice import project

NAME = "payment_failed"
# Days after the first failure; a step is of use until the next one is due.
STEP_DAYS = (0, 3, 7)
LAST_STEP_LIVES = timedelta(days=3)
# A bank debit is on its way for days, and only then succeeds or fails.
_ASK_AGAIN_S = 3600.0
_INVOICE_ENDINGS = {"paid": "paid", "void": "void", "uncollectible": "uncollectible"}
# Not begun: completing the first payment is the checkout's business.
_SUBSCRIPTION_STOPS = {
    "canceled": "canceled",
    "incomplete": "checkout",
    "incomplete_expired": "checkout",
}


def plan(change: Change) -> Sequence[Effect]:
    """Return all steps of the campaign once an invoice shows that its charge failed."""
    if not _charge_failed(project(change.after)):
        return ()
    days = [timedelta(days=day) for day in STEP_DAYS]
    ends = [*days[1:], days[-1] + LAST_STEP_LIVES]
    return [
        Effect(
            key=effect_key(
                change.account, livemode=change.livemode, kind=NAME, parts=(change.id, str(step))
            ),
            channel="mail",
            kind=NAME,
            account=change.account,
            livemode=change.livemode,
            customer_id=change.customer_id,
            subject={"invoice": change.id, "step": str(step)},
            event_id=change.event_id,
            due_at=change.at + due,
            expires_at=change.at + end,
        )
        for step, (due, end) in enumerate(zip(days, ends, strict=True), 1)
    ]


def _charge_failed(invoice: Mapping[str, Any]) -> bool:
    return (
        invoice["status"] == "open"
        and (invoice["attempt_count"] or 0) >= 1
        and (invoice["amount_remaining_minor"] or 0) > 0
        and invoice["collection_method"] == "charge_automatically"
        and invoice["billing_reason"] != "subscription_create"
    )


def check(case: Case) -> Verdict:
    """Return why the invoice needs no mail any more, None while it is open and owing."""
    reason = _invoice_stop(case.invoice) or _subscription_stop(case.subscription)
    if reason:
        return Skipped(reason)
    return RetryIn(_ASK_AGAIN_S, "payment_processing") if _is_processing(case) else None


def _invoice_stop(invoice: InvoiceFacts | None) -> str | None:
    if invoice is None or invoice.deleted:
        return "invoice_deleted"
    if invoice.status != "open":
        return _INVOICE_ENDINGS.get(invoice.status or "", "not_open")
    return None if invoice.amount_remaining_minor > 0 else "paid"


def _subscription_stop(subscription: SubscriptionFacts | None) -> str | None:
    if subscription is None:
        return None
    stop = _SUBSCRIPTION_STOPS.get(subscription.status)
    return stop or ("cancel_set" if subscription.cancel_is_set else None)


def _is_processing(case: Case) -> bool:
    """Tell whether money is on its way: then nothing has failed yet, or no more."""
    invoice = case.invoice
    since = int(invoice.created.timestamp()) if invoice and invoice.created else 0
    under_way = (*case.objects.get("charge", ()), *case.objects.get("payment_intent", ()))
    return any((payment.get("created") or 0) >= since for payment in under_way)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name.

    `next_attempt` is the day of the next charge; `is_last_attempt` says that Stripe plans
    none. Both are unset while a planned charge is just being made.
    """
    invoice = case.invoice
    assert invoice is not None, "checked before"
    assert invoice.currency is not None, "Stripe always says"
    planned = invoice.next_payment_attempt
    return {
        "step": int(case.subject["step"]),
        "amount": Money(invoice.amount_remaining_minor, invoice.currency),
        "plans": plans(case.subscription),
        "invoice_number": invoice.number,
        "next_attempt": planned if planned and planned > case.now else None,
        "is_last_attempt": planned is None,
        "pay_url": invoice.hosted_invoice_url or case.policy.portal_url,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    retried = samples.invoice(next_payment_attempt=samples.NOW + timedelta(days=3))
    return {
        "first": _sample(policy, 1, retried),
        "second": _sample(policy, 2, retried),
        "third-no-more-retries": _sample(policy, 3, samples.invoice()),
        "single-invoice": _sample(policy, 1, samples.invoice(subscription=None)),
        "no-page": _sample(policy, 1, samples.invoice(hosted_invoice_url=None)),
        "being-charged": _sample(policy, 2, samples.invoice(next_payment_attempt=samples.NOW)),
    }


def _sample(policy: MailPolicy, step: int, invoice: InvoiceFacts) -> Case:
    return samples.case(
        policy,
        subject={"invoice": invoice.id, "step": str(step)},
        invoice=invoice,
        subscription=samples.subscription() if invoice.subscription else None,
    )


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches="invoice",
    plan=plan,
    needs={"charge": ("pending",), "payment_intent": ("processing",)},
)
