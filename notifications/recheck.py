"""A last look at Stripe itself before a mail goes out: a late mirror must not dun a payer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from notifications.case import Case, Json
from sync.changes import RetryIn
from sync.errors import Malformed, Rejected, Unavailable
from sync.mirror.objects.invoice import project

# (account, object type, id) -> the object as Stripe shows it now, None where it is gone.
# Raises the errors of `sync.errors`.
Recheck = Callable[[str, str, str], Json | None]
Live = dict[tuple[str, str], Json | None]

_ASK_AGAIN_S = 60.0
_MENDED_S = 3600.0


def read(recheck: Recheck, account: str, wanted: Sequence[tuple[str, str]]) -> Live | RetryIn:
    """Return `wanted` as Stripe shows them, or when to ask again: without an answer no mail."""
    try:
        return {(name, id_): recheck(account, name, id_) for name, id_ in wanted}
    except Unavailable as error:
        return RetryIn(error.retry_after_s or _ASK_AGAIN_S, "recheck_unavailable")
    except (Rejected, Malformed):
        return RetryIn(_MENDED_S, "recheck_rejected")


def with_live(case: Case, live: Live) -> Case:
    """Return `case` with what Stripe shows now in place of what the mirror knew."""
    objects = {
        name: tuple(shown for each in known if (shown := _shown(live, name, each)) is not None)
        for name, known in case.objects.items()
    }
    return replace(case, objects=objects, **_invoice(case, live))


def _shown(live: Live, name: str, known: Json) -> Json | None:
    return live.get((name, str(known.get("id"))), known)


def _invoice(case: Case, live: Live) -> dict[str, Any]:
    invoice = case.invoice
    if invoice is None or ("invoice", invoice.id) not in live:
        return {}
    shown = live["invoice", invoice.id]
    if shown is None:
        return {"invoice": replace(invoice, deleted=True)}
    now = project(shown)
    amounts = ("amount_due_minor", "amount_paid_minor", "amount_remaining_minor", "attempt_count")
    others = ("status", "next_payment_attempt", "hosted_invoice_url", "paid_at")
    told: dict[str, Any] = {name: now[name] or 0 for name in amounts}
    told |= {name: now[name] for name in others}
    return {"invoice": replace(invoice, **told)}
