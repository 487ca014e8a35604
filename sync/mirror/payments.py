"""Charges, refunds and credit notes, and what ties them to the invoice they pay or undo.

Since 2025-03-31.basil neither a charge nor a refund names its invoice; an `invoice_payment`
does, and names the payment intent or the charge. Source: docs.stripe.com/changelog/basil
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row

from sync.mirror.payment_queries import (
    CHARGES_OF_CUSTOMER,
    CHARGES_OF_INVOICE,
    CREDIT_NOTES,
    INVOICES_PAID_BY,
    REFUNDS,
    TIES,
)
from sync.mirror.shapes import Json, at, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One attempt to take money; amounts are minor units of `currency`."""

    id: str
    payment_intent: str | None
    status: str | None
    currency: str | None
    amount_refunded_minor: int
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money on its way back, or back, or not: a failed refund is no refund."""

    id: str
    charge: str | None
    payment_intent: str | None
    status: str | None
    currency: str | None
    amount_minor: int

    @property
    def failed(self) -> bool:
        """Whether the customer did not get this money."""
        return self.status in {"failed", "canceled"}


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """What a credit note takes back of one invoice line; `quantity` None: only money."""

    line: str
    quantity: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class CreditNote:
    """An issued credit note."""

    id: str
    amount_minor: int
    lines: tuple[CreditedLine, ...]


@dataclass(frozen=True, slots=True)
class Payments:
    """The charges of one invoice or customer, and their refunds."""

    charges: tuple[Charge, ...]
    refunds: tuple[Refund, ...]


NO_PAYMENTS = Payments((), ())


def refunded_minor(payments: Payments) -> int:
    """Return how much went back, counting each refund once, whoever told of it.

    A charge counts its refunds, and each refund is told by itself too; either may be late.
    """
    by_charge: dict[str | None, list[Refund]] = defaultdict(list)
    charge_of = {charge.payment_intent: charge.id for charge in payments.charges}
    for refund in payments.refunds:
        by_charge[refund.charge or charge_of.get(refund.payment_intent)].append(refund)
    counted = {charge.id: charge.amount_refunded_minor for charge in payments.charges}
    return sum(
        _refunded_of_one(counted.get(charge or "", 0), by_charge[charge])
        for charge in {*counted, *by_charge}
    )


def _refunded_of_one(counted_minor: int, refunds: Sequence[Refund]) -> int:
    """Return what one charge gave back; its count may lack new refunds or hold failed ones."""
    known = sum(refund.amount_minor for refund in refunds if not refund.failed)
    failed = sum(refund.amount_minor for refund in refunds if refund.failed)
    return max(known, counted_minor - failed)


def load_payments_of_customer(conn: Connection, account: str, customer_id: str) -> Payments:
    """Return all of a customer's charges and their refunds, oldest first."""
    rows = conn.execute(CHARGES_OF_CUSTOMER, {"account": account, "customer": customer_id})
    charges = tuple(_charge(row) for row in rows)
    intents = [charge.payment_intent for charge in charges if charge.payment_intent]
    return _with_refunds(conn, account, charges, intents, [charge.id for charge in charges])


def load_payments_of_invoice(
    conn: Connection, account: str, invoice_id: str, invoice: Json
) -> Payments:
    """Return the charges that paid an invoice, whatever API version told, and their refunds."""
    ties = [payment for _, payment in _ties(conn, account, [invoice_id])]
    intents, direct = _named([*ties, *payments_named_by(invoice)])
    wanted = {"account": account, "invoice": invoice_id, "intents": intents, "charges": direct}
    charges = tuple(_charge(row) for row in conn.execute(CHARGES_OF_INVOICE, wanted))
    intents += [charge.payment_intent for charge in charges if charge.payment_intent]
    return _with_refunds(conn, account, charges, intents, [*direct, *(c.id for c in charges)])


def load_intents(
    conn: Connection, account: str, invoices: Mapping[str, Json]
) -> dict[str, frozenset[str]]:
    """Return the payment intents of each of `invoices` (id -> JSON), as far as they are told."""
    named = {invoice: payments_named_by(data) for invoice, data in invoices.items()}
    for invoice, payment in _ties(conn, account, list(invoices)):
        named[invoice].append(payment)
    return {invoice: frozenset(_named(payments)[0]) for invoice, payments in named.items()}


def payments_named_by(invoice: Json) -> list[Json]:
    """Return the payments an invoice names itself: expanded ones, and those before basil."""
    expanded = [at(tie, "payment") for tie in at(invoice, "payments", "data") or ()]
    return [*expanded, {name: invoice.get(name) for name in ("payment_intent", "charge")}]


def names_a_payment(invoice: Json) -> bool:
    """Tell whether an invoice says by what it was, or was to be, paid."""
    return any(found for payment in payments_named_by(invoice) for found in payment.values())


def load_credit_notes(conn: Connection, account: str, invoice_id: str) -> tuple[CreditNote, ...]:
    """Return the issued credit notes of an invoice; a voided one credits nothing."""
    rows = conn.execute(CREDIT_NOTES, {"account": account, "invoice": invoice_id})
    by_note = groupby(rows, key=lambda row: (row.id, row.amount_minor or 0))
    return tuple(CreditNote(*note, tuple(_credited(lines))) for note, lines in by_note)


def invoices_paid_by(conn: Connection, account: str, payment_id: str) -> list[str]:
    """Return the invoices that a payment intent or a charge paid; empty while no tie is known."""
    wanted = {"account": account, "payment": payment_id}
    return list(conn.execute(INVOICES_PAID_BY, wanted).scalars())


def _with_refunds(
    conn: Connection,
    account: str,
    charges: tuple[Charge, ...],
    intents: Collection[str],
    charge_ids: Collection[str],
) -> Payments:
    if not intents and not charge_ids:
        return NO_PAYMENTS
    wanted = {"account": account, "intents": list(intents), "charges": list(charge_ids)}
    return Payments(charges, tuple(_refund(row) for row in conn.execute(REFUNDS, wanted)))


def _ties(conn: Connection, account: str, invoices: list[str]) -> Iterable[tuple[str, Json]]:
    """Return each of `invoices` with each payment that is known to be for it."""
    wanted = {"account": account, "invoices": invoices}
    for row in conn.execute(TIES, wanted) if invoices else ():
        yield row.invoice, {"payment_intent": row.payment_intent, "charge": row.charge}


def _named(payments: Sequence[Json]) -> tuple[list[str], list[str]]:
    intents = {ref(at(payment, "payment_intent")) for payment in payments}
    charges = {ref(at(payment, "charge")) for payment in payments}
    return sorted(filter(None, intents)), sorted(filter(None, charges))


def _charge(row: Row[Any]) -> Charge:
    return Charge(
        id=row.id,
        payment_intent=row.payment_intent,
        status=row.status,
        currency=row.currency,
        amount_refunded_minor=row.amount_refunded_minor or 0,
        created=row.created,
    )


def _refund(row: Row[Any]) -> Refund:
    return Refund(
        id=row.id,
        charge=row.charge,
        payment_intent=row.payment_intent,
        status=row.status,
        currency=row.currency,
        amount_minor=row.amount_minor or 0,
    )


def _credited(rows: Iterable[Row[Any]]) -> Iterable[CreditedLine]:
    for row in rows:
        if row.invoice_line_item:
            yield CreditedLine(row.invoice_line_item, row.quantity, row.line_amount_minor or 0)
