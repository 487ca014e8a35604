"""What the stock should have lost to one invoice line, by what became of its money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sync.mirror.payments import CreditNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """An invoice as far as the shelf is concerned; amounts are minor units of its currency."""

    status: str | None
    paid_minor: int
    refunded_minor: int
    credit_notes: tuple[CreditNote, ...]
    shipped: bool
    # None where it is not paid, or Stripe does not say.
    paid_at: datetime | None = None
    # What its checkout held: given back or turned into the sale, as the invoice ends.
    reservations: tuple[str, ...] = ()

    @property
    def fully_refunded(self) -> bool:
        """Whether all that was paid through Stripe went back."""
        return 0 < self.paid_minor <= self.refunded_minor


@dataclass(frozen=True, slots=True)
class Stock:
    """How far a line moves the two counters of a shelf."""

    on_hand: int = 0
    reserved: int = 0


NOTHING = Stock()


def desired(
    sale: Sale,
    line: str,
    quantity: int,
    unit_quantity: int,
    amount_minor: int,
    *,
    reserve_open: bool = False,
) -> Stock:
    """Return what a line of `quantity`, each taking `unit_quantity`, should have moved by now.

    Paid goods leave the shelf. What a credit note takes back by quantity returns; without any
    credit note a full refund returns everything, unless it is shipped. A partial refund, a
    dispute or a pause returns nothing. Source: reference crm-inventory, sections 6 and 9.
    """
    if sale.status == "open":
        return Stock(reserved=quantity * unit_quantity if reserve_open else 0)
    if sale.status != "paid":
        return NOTHING
    if sale.credit_notes:
        back = credited(sale.credit_notes, line, quantity, amount_minor)
    else:
        back = quantity if sale.fully_refunded and not sale.shipped else 0
    return Stock(on_hand=-(quantity - back) * unit_quantity)


def credited(notes: Sequence[CreditNote], line: str, quantity: int, amount_minor: int) -> int:
    """Return how many of a line's `quantity` the credit notes take back, at most all.

    A credit without a quantity is about money; one of the line's whole amount takes it all.
    """
    back = 0
    for each in (line_ for note in notes for line_ in note.lines if line_.line == line):
        if each.quantity is not None:
            back += each.quantity
        elif each.amount_minor >= amount_minor > 0:
            back += quantity
    return min(back, quantity)


def review(sale: Sale) -> str | None:
    """Return why a person must say what became of the goods, None when the rules know."""
    if sale.status != "paid":
        return None
    noted_minor = sum(note.amount_minor for note in sale.credit_notes)
    named = any(note.lines for note in sale.credit_notes)
    # Whether the money went back or to the customer's balance.
    all_noted = 0 < sale.paid_minor <= noted_minor
    if sale.credit_notes and not named and (sale.fully_refunded or all_noted):
        return "credit_note_without_lines"
    if sale.refunded_minor <= noted_minor:
        return None
    if sale.credit_notes:
        return "refund_beyond_credit_notes"
    if not sale.fully_refunded:
        return "partial_refund"
    return "refunded_after_shipping" if sale.shipped else None


_CAUSES: Mapping[str | None, str] = {
    "open": "invoice_open",
    "void": "invoice_void",
    "uncollectible": "invoice_uncollectible",
}


def cause(sale: Sale) -> str:
    """Return a slug for why a line's stock moves to where `sale` wants it."""
    if sale.status != "paid":
        return _CAUSES.get(sale.status, "invoice_gone")
    if sale.credit_notes:
        return "credit_note"
    return "refund" if sale.fully_refunded else "invoice_paid"
