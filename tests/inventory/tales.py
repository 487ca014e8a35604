"""Made-up invoices with all their events, and the truth of what leaves the shelf in the end."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.inventory import sales

Json = Mapping[str, Any]
Kept = Mapping[str, int]

# price -> what one unit takes from the shelf
GOODS: Mapping[str, Mapping[str, int]] = {
    "price_coffee": {"COFFEE": 1},
    "price_mug": {"MUG": 1},
    "price_box": {"COFFEE": 2, "MUG": 1},
    "price_tea": {"TEA": 1},
}
CATALOGUE: Sequence[Json] = [
    sales.event("product.created", sales.product("prod_tea", sku="TEA"), 1),
    sales.event("price.created", sales.price("price_tea", "prod_tea"), 1),
    sales.event("price.created", sales.price("price_coffee", "prod_tea", sku="COFFEE"), 1),
    sales.event("price.created", sales.price("price_mug", "prod_tea", sku="MUG"), 1),
    sales.event(
        "price.created", sales.price("price_box", "prod_tea", sku_bundle="COFFEE:2,MUG"), 1
    ),
]


@dataclass(frozen=True)
class Tale:
    """The events of one invoice, and how many units of each line are gone in the end."""

    events: Sequence[Json]
    gone: Kept
    lines: Sequence[sales.Sold]


@dataclass(frozen=True)
class Payment:
    """How an invoice was paid: its number, and how many of each line were sold at 1000 each."""

    number: int
    sold: Kept

    @property
    def total(self) -> int:
        """Return what was paid, in minor units."""
        return sum(self.sold.values()) * 1000

    def told(self) -> list[Json]:
        """Return the charge, and what ties it to the invoice."""
        invoice, intent = f"in_{self.number}", f"pi_{self.number}"
        charged = sales.charge(f"ch_{self.number}", intent, self.total)
        return [
            sales.event("charge.succeeded", charged, 300),
            sales.event("invoice_payment.paid", sales.invoice_payment(invoice, intent), 300),
        ]

    def back(self, amount: int, status: str = "succeeded") -> list[Json]:
        """Return what tells of one refund: the refund, its charge, and how it ended."""
        intent, charge = f"pi_{self.number}", f"ch_{self.number}"
        given = sales.refund(f"re_{self.number}", charge, intent, amount, status)
        counted = sales.charge(charge, intent, self.total, refunded=amount)
        return [
            sales.event("refund.created", {**given, "status": "pending"}, 400),
            sales.event("charge.refunded", counted, 401),
            sales.event("refund.updated", given, 402),
        ]

    def note(self, credited: Kept, status: str = "issued") -> Json:
        """Return a credit note over so many of each line."""
        amount, invoice = sum(credited.values()) * 1000, f"in_{self.number}"
        made = sales.credit_note(f"cn_{self.number}", invoice, credited, amount, status=status)
        return sales.event("credit_note.updated", made, 403 + (status == "void"))

    def part(self, rng: random.Random) -> dict[str, int]:
        """Return some of what was sold."""
        drawn = {line: rng.randint(0, quantity) for line, quantity in self.sold.items()}
        return drawn if any(drawn.values()) else {min(self.sold): 1}


Ending = Callable[[Payment, random.Random], tuple[list[Json], Kept]]


def _kept(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    del rng
    return [], paid.sold


def _refunded(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    del rng
    return paid.back(paid.total), {}


def _refund_failed(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    del rng
    return paid.back(paid.total, "failed"), paid.sold


def _goodwill(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    del rng
    return paid.back(500), paid.sold


def _returned_whole(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    del rng
    return [*paid.back(paid.total), paid.note(paid.sold)], {}


def _returned_in_part(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    part = paid.part(rng)
    rest = {line: quantity - part.get(line, 0) for line, quantity in paid.sold.items()}
    return [*paid.back(sum(part.values()) * 1000), paid.note(part)], rest


def _note_voided(paid: Payment, rng: random.Random) -> tuple[list[Json], Kept]:
    part = paid.part(rng)
    return [paid.note(part), paid.note(part, "void")], paid.sold


_ENDINGS: Sequence[Ending] = (
    _kept,
    _kept,
    _refunded,
    _refund_failed,
    _goodwill,
    _returned_whole,
    _returned_in_part,
    _returned_in_part,
    _note_voided,
)
_PATHS: Sequence[Sequence[str]] = (
    ("draft",),
    ("draft", "open"),
    ("draft", "open", "void"),
    ("draft", "open", "uncollectible"),
    *[("draft", "open", "paid")] * 8,
)


def tale(number: int, rng: random.Random) -> Tale:
    """Make up an invoice: drafted, opened, and then paid, voided or written off; some return."""
    lines = [
        sales.Sold(
            id=f"il_{number}_{place}",
            price=rng.choice(list(GOODS)),
            product="prod_tea",
            quantity=rng.randint(1, 4),
        )
        for place in range(rng.randint(1, 3))
    ]
    path = rng.choice(_PATHS)
    told: list[Json] = [
        sales.event("invoice.updated", sales.invoice(f"in_{number}", status, lines), 100 + step)
        for step, status in enumerate(path)
    ]
    if path[-1] != "paid":
        return Tale(told, {}, lines)
    paid = Payment(number, {line.id: line.quantity for line in lines})
    returned, gone = rng.choice(_ENDINGS)(paid, rng)
    return Tale([*told, *paid.told(), *returned], gone, lines)


def truth(tales: Sequence[Tale]) -> dict[str, int]:
    """Return where every shelf must end that began empty."""
    gone: Counter[str] = Counter()
    for each in tales:
        for line in each.lines:
            for sku, per_unit in GOODS[line.price].items():
                gone[sku] -= each.gone.get(line.id, 0) * per_unit
    return {sku: amount for sku, amount in gone.items() if amount}
