"""Made-up campaigns for previews, test mails and the linter."""

from datetime import datetime, timedelta
from typing import Any

from notifications import samples
from notifications.case import Case, Json
from notifications.policy import MailPolicy
from notifications.proposal import epoch

RETRIED_AT = samples.NOW + timedelta(days=3)
TERMINAL_AT = samples.NOW + timedelta(days=11)
_FAILED_CHARGE = {
    "id": "ch_sample",
    "status": "failed",
    "created": int(samples.NOW.timestamp()) - 3600,
    "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}},
}


def step_case(
    policy: MailPolicy, *, step: int = 1, copy: str = "generic", tone: str = "", **invoice: Any
) -> Case:
    """Return a case of a campaign's step; `invoice` changes fields of Stripe's invoice."""
    return several(policy, [open_invoice(**invoice)], step=step, copy=copy, tone=tone)


def several(
    policy: MailPolicy,
    invoices: list[Json],
    *,
    step: int = 1,
    copy: str = "generic",
    tone: str = "",
) -> Case:
    """Return a case of a campaign about `invoices`, as Stripe renders them."""
    subject = {
        "campaign": "1",
        "step": str(step),
        "invoice": str(invoices[0]["id"]),
        "invoices": ",".join(str(each["id"]) for each in invoices),
        "copy": copy,
        "tone": tone,
        "terminal": epoch(TERMINAL_AT),
    }
    subscribed = invoices[0]["parent"] is not None
    return samples.case(
        policy,
        subject=subject,
        invoice=samples.invoice(subscription=samples.subscription().id if subscribed else None),
        subscription=samples.subscription() if subscribed else None,
        objects={"invoice": tuple(invoices), "charge": (_FAILED_CHARGE,)},
    )


def open_invoice(
    *,
    id_: str = "in_sample",
    number: str = "GB-0042",
    next_attempt: datetime | None = RETRIED_AT,
    subscribed: bool = True,
    amount_minor: int = 2900,
) -> Json:
    """Return an open invoice, of 29.00 USD where nothing else is said, as Stripe renders it."""
    parent = {"subscription_details": {"subscription": samples.subscription().id}}
    return {
        "id": id_,
        "object": "invoice",
        "status": "open",
        "number": number,
        "currency": "usd",
        "amount_due": amount_minor,
        "amount_paid": 0,
        "amount_remaining": amount_minor,
        "attempt_count": 1,
        "collection_method": "charge_automatically",
        "created": int(samples.NOW.timestamp()) - 7200,
        "next_payment_attempt": int(next_attempt.timestamp()) if next_attempt else None,
        "hosted_invoice_url": "https://invoice.stripe.com/i/sample",
        "parent": parent if subscribed else None,
    }
