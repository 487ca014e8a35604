"""A subscription's end, by its reason, and an invoice's: looked at again when it is told."""

from collections.abc import Sequence

from notifications.case import Case
from notifications.proposal import proposal
from sync.changes import Change, Effect
from sync.mirror.facts import InvoiceFacts
from sync.mirror.objects.subscription import project

_INVOICE_ENDINGS = frozenset({"paid", "void", "uncollectible"})


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


def why_not_owed(invoice: InvoiceFacts | None) -> str | None:
    """Return why nothing is to be paid on `invoice`, None while something is."""
    if invoice is None or invoice.deleted:
        return "invoice_deleted"
    if invoice.status != "open":
        return invoice.status if invoice.status in _INVOICE_ENDINGS else "not_open"
    return None if invoice.amount_remaining_minor > 0 else "paid"
