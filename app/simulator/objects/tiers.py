"""What a quantity costs: at one amount for each, or by tiers."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from app.simulator.history import Json


@dataclass(frozen=True, slots=True)
class Portion:
    """So many pieces at one amount for each, in minor units; `tier` counts from 1."""

    quantity: int
    unit_amount: Decimal
    tier: int | None = None

    @property
    def amount(self) -> int:
        """Return what they cost, in whole minor units."""
        exact = self.quantity * self.unit_amount
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def portions(price: Json, quantity: int) -> list[Portion]:
    """Return the portions that Stripe bills a quantity in: several with graduated tiers."""
    if price["billing_scheme"] == "per_unit":
        return [Portion(quantity, Decimal(price["unit_amount_decimal"]))]
    graduated = list(_graduated(price["tiers"], quantity))
    if price["tiers_mode"] == "graduated":
        return graduated
    last = graduated[-1]
    return [Portion(quantity, last.unit_amount, last.tier)]


def amount(price: Json, quantity: int) -> int:
    """Return what so many pieces cost, in whole minor units."""
    return sum(portion.amount for portion in portions(price, quantity))


def _graduated(tiers: list[Json], quantity: int) -> Iterator[Portion]:
    begins = 0
    for number, tier in enumerate(tiers, start=1):
        ends = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        yield Portion(ends - begins, Decimal(tier["unit_amount_decimal"]), number)
        begins = ends
        if ends == quantity:
            return
