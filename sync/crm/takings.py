"""What a customer's money did: charges, refunds, disputes, and what refused to be paid."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from sync.crm.refusals import Refusals, load_refusals
from sync.mirror.facts import InvoiceFacts
from sync.mirror.payments import (
    NO_PAYMENTS,
    Payments,
    load_intents,
    load_payments_of_customer,
    refunded_minor,
)
from sync.mirror.shapes import Json, integer

# The bank has the money: for good, or until it has decided. An inquiry (`warning_…`) takes none.
# See docs.stripe.com/api/disputes/object, its `status`.
_TAKEN = frozenset({"needs_response", "under_review", "lost"})
_DISPUTES = text("""
    SELECT status, currency, amount_minor FROM stripe.disputes
     WHERE account = :account AND (charge = ANY(:charges) OR payment_intent = ANY(:intents))""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """A payment that the customer's bank wants, or wanted, back."""

    status: str | None
    currency: str | None
    amount_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Takings:
    """Payments and disputes; `intents`: what tried to pay each invoice, `off_stripe`: in vain.

    `refusals`: what events told of failed attempts, by invoice.
    """

    payments: Payments = NO_PAYMENTS
    disputes: tuple[Dispute, ...] = ()
    intents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    off_stripe: frozenset[str] = frozenset()
    refusals: Mapping[str, Refusals] = field(default_factory=dict)


def load_takings(
    conn: Connection, account: str, customer_id: str, invoices: Mapping[str, Json]
) -> Takings:
    """Return the customer's; `invoices` are theirs, whole, by id."""
    payments = load_payments_of_customer(conn, account, customer_id)
    return Takings(
        payments=payments,
        disputes=tuple(_disputes(conn, account, payments)),
        intents=load_intents(conn, account, invoices),
        off_stripe=frozenset(each for each, told in invoices.items() if _paid_off_stripe(told)),
        refusals=load_refusals(conn, account, invoices),
    )


def _disputes(conn: Connection, account: str, payments: Payments) -> Iterable[Dispute]:
    charges = [each.id for each in payments.charges]
    intents = [each.payment_intent for each in payments.charges if each.payment_intent]
    asked: dict[str, Any] = {"account": account, "charges": charges, "intents": intents}
    rows = conn.execute(_DISPUTES, asked).mappings() if charges else ()
    return [Dispute(**row) for row in rows]


def _paid_off_stripe(invoice: Json) -> bool:
    """Tell whether all the money came outside of Stripe; a flag until 2025-03-31.basil."""
    off_stripe_minor = integer(invoice.get("amount_paid_off_stripe")) or 0
    all_of_it = 0 < off_stripe_minor >= (integer(invoice.get("amount_paid")) or 0)
    return all_of_it or invoice.get("paid_out_of_band") is True


def returned_minor(takings: Takings, currency: str | None) -> int:
    """Return how much of `currency` was refunded or taken back by banks, in minor units."""
    payments = Payments(
        tuple(each for each in takings.payments.charges if each.currency == currency),
        tuple(each for each in takings.payments.refunds if each.currency == currency),
    )
    taken = [
        each.amount_minor or 0
        for each in takings.disputes
        if each.currency == currency and each.status in _TAKEN
    ]
    return refunded_minor(payments) + sum(taken)


def failed_attempts(takings: Takings, invoices: Iterable[InvoiceFacts]) -> int:
    """Return how many attempts to collect the invoices failed, each counted once."""
    failed = [each for each in takings.payments.charges if each.status == "failed"]
    refused = Counter(each.payment_intent for each in failed)
    return sum(_failed(each, takings, refused) for each in invoices)


def _failed(invoice: InvoiceFacts, takings: Takings, refused: Mapping[str | None, int]) -> int:
    """Return how many attempts to collect one invoice failed.

    Of a paid one the last did not, unless the money came outside of Stripe, or the customer
    paid by hand: that attempt is not counted among the invoice's, so as many were refused as
    it counts, or as many as events told of: an attempt that the customer had to confirm failed,
    too. Source: docs.stripe.com/api/invoices/object, attempt_count.
    """
    if invoice.status != "paid" or invoice.id in takings.off_stripe:
        return max(invoice.attempt_count - is_under_way(invoice, takings), 0)
    charges = sum(refused.get(each, 0) for each in takings.intents.get(invoice.id, ()))
    known = takings.refusals.get(invoice.id)
    told = known.attempts if known else 0
    return max(invoice.attempt_count - 1, min(charges, invoice.attempt_count), told, 0)


def is_under_way(invoice: InvoiceFacts, takings: Takings) -> bool:
    """Tell whether the bank has yet to say how the last attempt ends; a direct debit takes days."""
    pending = {each.payment_intent for each in takings.payments.charges if each.status == "pending"}
    return not pending.isdisjoint(takings.intents.get(invoice.id, ()))


def last_failed_at(takings: Takings) -> datetime | None:
    """Return when a charge was last refused, or an attempt failed without one; None: never."""
    failed = [each.created for each in takings.payments.charges if each.status == "failed"]
    told = [each.last_at for each in takings.refusals.values()]
    return max((at for at in (*failed, *told) if at), default=None)
