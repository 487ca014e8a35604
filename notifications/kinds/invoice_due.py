"""An invoice to be paid by hand: when it is issued, before its day, and while it stays open.

Stripe's `invoice.will_be_due` and `.overdue` exist only with automations, so the days are
counted from `due_date`: when it is issued, and by looking, as no event tells of an invoice that
is read from Stripe later on. Source: lifecycle, row 21 and section 2.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Index,
    Integer,
    Row,
    Select,
    Text,
    func,
    null,
    select,
    text,
    true,
)
from sqlalchemy.sql.expression import TableValuedAlias
from sqlalchemy.sql.functions import coalesce
from sqlalchemy.types import TypeEngine

from notifications import samples
from notifications.case import Case
from notifications.endings import why_not_owed
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.notices import asked_for, effect, in_accounts
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal
from notifications.subscribed import plans
from notifications.timing import TIMINGS
from notifications.wording import Money
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import InvoiceFacts
from sync.mirror.objects.invoice import TABLE, project

NAME = "invoice_due"
ISSUE = "issue"
# Days from the day it is due.
OFFSETS_DAYS = (-3, 1, 7, 14)
# Nobody is reminded of what came just before.
_SOON_AFTER_ISSUE = timedelta(hours=24)
_ASK_AGAIN_S = 3600.0
Index(
    "invoices_due_date_idx",
    TABLE.c.due_date,
    postgresql_where=text("status = 'open' AND collection_method = 'send_invoice'"),
)


def plan(change: Change) -> Sequence[Effect]:
    """Return all mails about an invoice that was issued to be paid by hand."""
    now = project(change.after)
    due_date = now["due_date"]
    if due_date is None or not _is_owed(now):
        return ()
    issued_at = now["finalized_at"] or change.at
    return [
        proposal(
            change,
            NAME,
            parts=(change.id, step),
            subject={"invoice": change.id, "step": step, "due_date": epoch(due_date)},
            due_at=due_at,
        )
        for step, due_at in _steps(issued_at, due_date)
    ]


def _is_owed(invoice: Mapping[str, Any]) -> bool:
    return (
        invoice["status"] == "open"
        and invoice["collection_method"] == "send_invoice"
        and (invoice["amount_remaining_minor"] or 0) > 0
    )


def _steps(issued_at: datetime, due_date: datetime) -> Iterator[tuple[str, datetime]]:
    yield ISSUE, issued_at
    for days in OFFSETS_DAYS:
        due_at = due_date + timedelta(days=days)
        if due_at > issued_at + _SOON_AFTER_ISSUE:
            yield f"{days:+d}", due_at


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the reminders that fall due until shortly after `now` and are not yet recorded."""
    after, upto = now - TIMINGS[NAME].lives, now + LOOK_AHEAD
    ahead = [timedelta(days=days) for days in OFFSETS_DAYS]
    asked = {
        "step": [f"{days:+d}" for days in OFFSETS_DAYS],
        "days": list(OFFSETS_DAYS),
        "first": [after - each for each in ahead],
        "last": [upto - each for each in ahead],
    }
    rows = conn.execute(_DUE, {**asked, "accounts": sorted(policy.accounts)})
    return [_effect(row, now) for row in rows]


def _due() -> Select[Any]:
    invoice, step = TABLE.c, _offsets()
    key = key_column(TABLE, NAME, (invoice.id, step.c.step))
    columns = (invoice.id, invoice.account, invoice.livemode, invoice.customer, invoice.due_date)
    issued_at = coalesce(invoice.finalized_at, invoice.created)
    # In hours: a day's length would be the session's time zone's.
    due_at = invoice.due_date + func.make_interval(0, 0, 0, 0, step.c.days * 24)
    nowhere = null().label("country"), null().label("state")
    return (
        select(key.label("key"), *columns, step.c.step, step.c.days, *nowhere)
        .join_from(TABLE, step, true())
        .where(
            invoice.status == "open",
            invoice.collection_method == "send_invoice",
            invoice.amount_remaining_minor > 0,
            invoice.deleted_at.is_(None),
            invoice.due_date > step.c.first,
            invoice.due_date <= step.c.last,
            due_at > issued_at + _SOON_AFTER_ISSUE,
            in_accounts(invoice.account),
            is_new(key),
        )
        .order_by(due_at, invoice.id)
        .limit(MOST_AT_ONCE)
    )


def _offsets() -> TableValuedAlias:
    time = DateTime(timezone=True)
    columns: Mapping[str, TypeEngine[Any]] = {
        "step": Text(),
        "days": Integer(),
        "first": time,
        "last": time,
    }
    return asked_for("offset_step", columns)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime) -> Effect:
    subject = {"invoice": row.id, "step": row.step, "due_date": epoch(row.due_date)}
    due_at = row.due_date + timedelta(days=row.days)
    return effect(row, NAME, subject, due_at=due_at, about=row.due_date, now=now)


def check(case: Case) -> Verdict:
    """Return why the invoice needs no mail any more, None while it is open and owing."""
    reason = _stop(case)
    if reason:
        return Skipped(reason)
    return RetryIn(_ASK_AGAIN_S, "payment_processing") if _is_processing(case) else None


def _stop(case: Case) -> str | None:
    invoice = case.invoice
    reason = why_not_owed(invoice)
    if reason or invoice is None:
        return reason
    if invoice.collection_method != "send_invoice":
        return "charged_automatically"
    if invoice.due_date is None:
        return "no_due_date"
    moved = epoch(invoice.due_date) != case.subject["due_date"]
    return "date_moved" if moved and case.subject["step"] != ISSUE else None


def _is_processing(case: Case) -> bool:
    """Tell whether money may be on its way: of a transfer that takes days."""
    invoice = case.invoice
    since = int(invoice.created.timestamp()) if invoice and invoice.created else 0
    under_way = case.objects.get("payment_intent", ())
    return any((payment.get("created") or 0) >= since for payment in under_way)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `is_overdue` says that the day has passed."""
    invoice = case.invoice
    assert invoice is not None, "checked before"
    assert invoice.currency is not None, "Stripe always says"
    step = case.subject["step"]
    return {
        "is_new": step == ISSUE,
        "is_overdue": invoice.due_date is not None and invoice.due_date < case.now,
        "is_last": step == f"{OFFSETS_DAYS[-1]:+d}",
        "amount": Money(invoice.amount_remaining_minor, invoice.currency),
        "due_date": invoice.due_date,
        "invoice_number": invoice.number,
        "plans": plans(case.subscription),
        "pdf_url": invoice.invoice_pdf,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    day = timedelta(days=1)
    return {
        "issue": _sample(policy, ISSUE, 14 * day),
        "before": _sample(policy, "-3", 3 * day),
        "overdue": _sample(policy, "+1", -day),
        "week-overdue": _sample(policy, "+7", -7 * day),
        "last": _sample(policy, "+14", -14 * day),
        "no-pdf": _sample(policy, ISSUE, 14 * day, invoice_pdf=None),
        "single-invoice": _sample(policy, "+1", -day, subscription=None, number=None),
    }


def _sample(policy: MailPolicy, step: str, ahead: timedelta, **changed: Any) -> Case:
    due_date = samples.NOW + ahead
    invoice: InvoiceFacts = samples.invoice(
        collection_method="send_invoice", due_date=due_date, **changed
    )
    return samples.case(
        policy,
        subject={"invoice": invoice.id, "step": step, "due_date": epoch(due_date)},
        invoice=invoice,
        subscription=samples.subscription() if invoice.subscription else None,
    )


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    watches=("invoice",),
    plan=plan,
    scan=scan,
    needs={"payment_intent": ("processing",)},
)
