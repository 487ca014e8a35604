"""All that failed is paid: thanks, and nothing is lost. Once per campaign, instead of a receipt.

Planned only where the customer was written to about the failure (see `notifications.dunning`).
Source: lifecycle, row 12 and rulings.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from notifications.wording import Money
from sync.changes import Skipped

NAME = "payment_recovered"


def check(case: Case) -> Verdict:
    """Return why there is nothing to give thanks for, None when the payment stands."""
    invoice = case.invoice
    if invoice is None or invoice.deleted:
        return Skipped("invoice_deleted")
    return None if invoice.status == "paid" else Skipped("not_paid")


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `goes_on`: the subscription runs, and will."""
    invoice, subscription = case.invoice, case.subscription
    assert invoice is not None, "checked before"
    is_active = subscription is not None and subscription.status == "active"
    goes_on = is_active and not (subscription and subscription.cancel_is_set)
    return {
        "amount": Money(invoice.amount_paid_minor, invoice.currency or ""),
        "plans": plans(subscription),
        "invoice_number": invoice.number,
        "paid_at": invoice.paid_at or case.now,
        "goes_on": goes_on,
        "invoice_url": invoice.hosted_invoice_url,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "subscribed": _sample(policy),
        "ended": replace(_sample(policy), subscription=None),
        "no-page": _sample(policy, hosted_invoice_url=None),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    paid = {"status": "paid", "amount_paid_minor": 2900, "amount_remaining_minor": 0}
    invoice = samples.invoice(**{**paid, "paid_at": samples.NOW, **changed})
    subject = {"campaign": "1", "invoice": invoice.id}
    known = {"invoice": invoice, "subscription": samples.subscription()}
    return samples.case(policy, subject=subject, **known)


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
)
