"""Failed attempts as the events told them.

One that only asked the customer to confirm leaves no failed charge, and once it is paid the
invoice does not tell of it either.
Source: docs.stripe.com/billing/subscriptions/overview, "Requires action": the invoice's payment
failed, until the customer has confirmed it.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from sync.mirror.events import usable
from sync.mirror.shapes import integer

TOLD_BY = "invoice.payment_failed"
# A thin event shows no invoice, so each stands for an attempt of its own.
_TOLD = text("""
    SELECT object_id, type, created, payload
      FROM evergreen.inbox
     WHERE object_id = ANY(:invoices) AND account = :account
       AND type IN ('invoice.payment_failed', 'v1.invoice.payment_failed')
     ORDER BY seq""").execution_options(binary=True)


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many attempts at one invoice failed, and when the last of them did."""

    attempts: int
    last_at: datetime | None


def load_refusals(
    conn: Connection, account: str, invoices: Collection[str]
) -> Mapping[str, Refusals]:
    """Return what the events told of `invoices`, by id; nothing of those that never failed."""
    attempts: dict[str, dict[str, set[object]]] = defaultdict(lambda: defaultdict(set))
    last_at: dict[str, datetime] = {}
    asked = {"account": account, "invoices": sorted(invoices)}
    for row in conn.execute(_TOLD, asked) if invoices else ():
        event = usable(bytes(row.payload))
        attempt = integer(event.object.get("attempt_count")) if event else None
        attempts[row.object_id][row.type].add(attempt or row.created)
        if row.created:
            last_at[row.object_id] = max(row.created, last_at.get(row.object_id, row.created))
    return {
        invoice: Refusals(max(map(len, told.values())), last_at.get(invoice))
        for invoice, told in attempts.items()
    }
