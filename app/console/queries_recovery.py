"""Money at risk and money that came back.

At risk is what an open invoice still asks for after a failed attempt. Recovered is what an
invoice was paid after one. That it failed is known by its `invoice.payment_failed` event: its
`attempt_count` stays at 1 when the customer then pays by hand. To stay quick in a large shop,
only the `FAILURES` events of that type that came last are looked at.
Source: docs.stripe.com/api/invoices/object#invoice_object-attempt_count
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, tuple_

from app.console.paging import Slice, read_slice
from sync.mirror.objects.invoice import TABLE as INVOICES
from sync.mirror.objects.subscription import TABLE as SUBSCRIPTIONS
from sync.store.inbox import INBOX

KEYS = ("as_of", "id", "account")
FAILURES = 2_000


@dataclass(frozen=True, slots=True)
class Amount:
    """What some invoices add up to, in one currency."""

    currency: str
    amount_minor: int
    invoices: int


def past_due() -> Select[Any]:
    """Return the subscriptions whose latest invoice failed and is still being collected."""
    c = SUBSCRIPTIONS.c
    columns = (c.id, c.account, c.customer, c.status, c.current_period_end, c.as_of)
    return select(*columns).where(c.status == "past_due")


def at_risk() -> Select[Any]:
    """Return the open invoices with a failed attempt and something left to pay."""
    c = INVOICES.c
    owing = (c.status == "open", c.attempt_count >= 1, c.amount_remaining_minor > 0)
    return _invoices().where(*owing, c.deleted_at.is_(None))


def recovered(since: datetime | None = None) -> Select[Any]:
    """Return the invoices that were paid after a failed attempt, `since` an instant or ever."""
    c = INVOICES.c
    failure = select(INBOX.c.object_id, INBOX.c.account)
    failures = failure.where(INBOX.c.type == "invoice.payment_failed")
    last = failures.order_by(INBOX.c.seq.desc()).limit(FAILURES).subquery()
    has_failed = tuple_(c.id, c.account).in_(select(last.c.object_id, last.c.account))
    found = _invoices().where(c.status == "paid", c.amount_paid_minor > 0, has_failed)
    return found if since is None else found.where(c.paid_at > since)


def amounts(conn: Connection, invoices: Select[Any], amount: str) -> list[Amount]:
    """Return the sum of the column `amount` of `invoices`, by currency."""
    each = invoices.subquery()
    sums = (each.c.currency, func.sum(each.c[amount]), func.count())
    rows = conn.execute(select(*sums).group_by(each.c.currency).order_by(each.c.currency))
    return [Amount(row[0] or "", int(row[1]), row[2]) for row in rows]


def listed(conn: Connection, rows: Select[Any], currency: str, before: str | None) -> Slice:
    """Return a page of one of the lists above, what changed last first."""
    if currency:
        rows = rows.where(INVOICES.c.currency == currency)
    return read_slice(conn, rows, KEYS, before=before)


def _invoices() -> Select[Any]:
    names = (
        "id account customer number status billing_reason currency amount_remaining_minor"
        " amount_paid_minor attempt_count next_payment_attempt paid_at as_of"
    )
    return select(*(INVOICES.c[name] for name in names.split()))


LISTS: Mapping[str, Any] = {"at-risk": at_risk, "recovered": recovered, "past-due": past_due}
