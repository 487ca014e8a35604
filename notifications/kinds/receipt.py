"""An invoice was paid: for what, how much, and where the document is.

Where the payment ends a campaign of dunning mails, the thanks for it takes its place.
Source: lifecycle, row 19 and rulings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.dunning.messages import THANKS
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import proposal
from notifications.subscribed import plans
from notifications.wording import Money, printable
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import InvoiceFacts, LineFacts
from sync.mirror.objects.invoice import project
from sync.mirror.shapes import Json

NAME = "receipt"
_ASK_AGAIN_S = 60.0
Days = tuple[datetime, datetime]
# A mail client cuts long mails, and nobody reads a hundred lines: the document has them all.
_MOST_LINES = 12


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for an invoice that money was paid for."""
    if not _is_paid(change.after) or (change.before and _is_paid(change.before)):
        return ()
    due_at = project(change.after)["paid_at"] or change.at
    subject = {"invoice": change.id}
    return [proposal(change, NAME, parts=(change.id,), subject=subject, due_at=due_at)]


def _is_paid(invoice: Json) -> bool:
    now = project(invoice)
    return now["status"] == "paid" and (now["amount_paid_minor"] or 0) > 0


def check(case: Case) -> Verdict:
    """Return why there is nothing to receipt, None when there is."""
    reason = _stop(case.invoice)
    return Skipped(reason) if reason else _thanked(case)


def _stop(invoice: InvoiceFacts | None) -> str | None:
    if invoice is None or invoice.deleted:
        return "invoice_deleted"
    if invoice.status != "paid":
        return "not_paid"
    return "nothing_paid" if invoice.amount_paid_minor <= 0 else None


def _thanked(case: Case) -> Verdict:
    """Return whether the thanks for this payment stand in for the receipt."""
    about = case.subject["invoice"]
    thanks = [m for m in case.mails if m.kind == THANKS and m.subject.get("invoice") == about]
    if any(mail.went_out for mail in thanks):
        return Skipped(THANKS)
    undecided = any(mail.is_open for mail in thanks)
    return RetryIn(_ASK_AGAIN_S, "recovery_undecided") if undecided else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name.

    `lines` are text, first and last day where known, and amount; `has_more` tells that some are
    left out, or not known.
    `tax` and `discount` are unset where there is none, `total` where it is what was paid.
    """
    invoice = case.invoice
    assert invoice is not None, "checked before"
    assert invoice.currency is not None, "Stripe always says"
    currency, paid = invoice.currency, invoice.amount_paid_minor
    rest_minor = invoice.total_minor - _listed_minor(case, invoice)
    return {
        "amount": Money(paid, currency),
        "paid_at": invoice.paid_at or case.now,
        "plans": plans(case.subscription),
        "invoice_number": invoice.number,
        "lines": [_line(line, currency) for line in case.lines[:_MOST_LINES]],
        "has_more": len(case.lines) > _MOST_LINES or rest_minor not in {0, invoice.tax_minor},
        "tax": Money(invoice.tax_minor, currency) if invoice.tax_minor else None,
        "is_tax_inside": rest_minor == 0,
        "discount": Money(-invoice.discount_minor, currency) if invoice.discount_minor else None,
        "total": Money(invoice.total_minor, currency) if invoice.total_minor != paid else None,
        "pdf_url": invoice.invoice_pdf or invoice.hosted_invoice_url,
    }


def _listed_minor(case: Case, invoice: InvoiceFacts) -> int:
    """Return what the lines come to; a tax that is inside the prices leaves no rest."""
    return sum(line.amount_minor for line in case.lines) - invoice.discount_minor


def _line(line: LineFacts, currency: str) -> tuple[str, Days | None, Money]:
    """Return a line in words of our own, where Stripe's say no more: hers are always English."""
    amount = Money(line.amount_minor, line.currency or currency)
    name = printable(line.product_name or "")
    if not line.is_plain or not name:
        return printable(line.description or "") or name, None, amount
    starts, ends = line.period_start, line.period_end
    many = f"{line.quantity} × " if line.quantity != 1 else ""  # noqa: RUF001 — as Stripe writes it
    return f"{many}{name}", (starts, ends) if starts and ends else None, amount


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "one-line": _sample(policy),
        "in-stripes-words": _sample(
            policy, lines=(_LINE, _CREDIT), amount_paid_minor=1450, total_minor=1450
        ),
        "many-lines": _sample(policy, lines=(_LINE,) * (_MOST_LINES + 3)),
        "tax-on-top": _sample(policy, tax_minor=203, discount_minor=203),
        "tax-inside": _sample(policy, tax_minor=190),
        "part-from-balance": _sample(policy, total_minor=3400, lines=(_LINE, _SMALL_LINE)),
        "no-document": _sample(policy, invoice_pdf=None, hosted_invoice_url=None),
        "no-lines": _sample(policy, lines=()),
        "single-invoice": _sample(policy, subscription=None),
    }


_LINE = LineFacts(
    id="il_sample",
    description="1 × Garden Box (at $29.00 / month)",  # noqa: RUF001 — Stripe writes it so
    product_name="Garden Box",
    quantity=1,
    currency="usd",
    amount_minor=2900,
    is_plain=True,
    period_start=samples.NOW,
    period_end=samples.PERIOD_END,
)
_SMALL_LINE = replace(
    _LINE, id="il_sample_2", description="Seeds", amount_minor=500, is_plain=False
)
_CREDIT = replace(
    _LINE,
    id="il_sample_3",
    description="Unused time on Garden Box after 16 Nov 2026",
    amount_minor=-1450,
    is_plain=False,
)


def _sample(policy: MailPolicy, lines: tuple[LineFacts, ...] = (_LINE,), **changed: Any) -> Case:
    paid = {"status": "paid", "amount_paid_minor": 2900, "amount_remaining_minor": 0}
    invoice = samples.invoice(**{**paid, "paid_at": samples.NOW, **changed})
    return replace(
        samples.case(policy, subject={"invoice": invoice.id}, invoice=invoice, lines=lines),
        subscription=samples.subscription() if invoice.subscription else None,
    )


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("invoice",),
    plan=plan,
    recalls=(THANKS,),
)
