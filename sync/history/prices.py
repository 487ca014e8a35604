"""What an item lists for one billing period, for every model of price Stripe has.

Source: docs.stripe.com/products-prices/pricing-models
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from sync.history.amounts import ZERO
from sync.mirror.shapes import Json, at, exact, integer, mappings

# What of a price has no column of its own in the history; `transform_usage` is a plan's word.
_KEPT = ("tiers_mode", "tiers", "transform_quantity", "transform_usage", "currency_options")
_SHORT = 20


def terms_of(price: Json) -> dict[str, Any]:
    """Return what must be kept of a price to know what several units cost; mostly nothing."""
    return {name: price[name] for name in _KEPT if price.get(name)}


def number(value: Any) -> Fraction | None:
    """Return a number as Stripe writes it, whole or decimal text; None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value)
    if isinstance(value, str) and value.isdecimal() and len(value) < _SHORT:
        return Fraction(int(value))
    text = exact(value)
    return None if text is None else Fraction(text)


def is_untold(terms: Json, unit_amount: Any, *, foreign: str | None) -> bool:
    """Tell whether only the price itself, tiers and currencies shown, says what an item costs.

    `foreign` is the subscription's currency where it is not the one the item shows.
    """
    if foreign:
        return not at(terms, "currency_options", foreign)
    return unit_amount is None and bool(terms.get("tiers_mode")) and not terms.get("tiers")


def period_minor(terms: Json, unit_amount: Any, quantity: int, *, foreign: str | None) -> Fraction:
    """Return what `quantity` units list for one period in minor units; 0 while it is unknown."""
    shown = at(terms, "currency_options", foreign) if foreign else terms
    if not isinstance(shown, Mapping):
        return ZERO
    if terms.get("tiers_mode"):
        return _tiered(mappings(shown.get("tiers")), quantity, str(terms["tiers_mode"]))
    each = _either(shown, "unit_amount") if foreign else number(unit_amount)
    return (each or ZERO) * _packages(terms, quantity)


def _packages(terms: Json, quantity: int) -> int:
    """Return how many packages hold `quantity` units."""
    package = terms.get("transform_quantity") or terms.get("transform_usage")
    size = integer(at(package, "divide_by")) or 1
    if size < 1:
        return quantity
    return quantity // size if at(package, "round") == "down" else -(-quantity // size)


def _tiered(tiers: Sequence[Json], quantity: int, mode: str) -> Fraction:
    """Return the sum over the tiers reached; the first is, whatever the quantity.

    Graduated: each unit costs what its own tier says. Volume: all cost what the last one says.
    """
    total, below = ZERO, 0
    for number, tier in enumerate(tiers):
        if number and quantity <= below:
            break
        top = integer(tier.get("up_to"))
        within = quantity if top is None else min(quantity, top)
        units = quantity if mode == "volume" else within - below
        price = (_either(tier, "unit_amount") or _either(tier, "amount") or ZERO) * units
        price += _either(tier, "flat_amount") or ZERO
        total = price if mode == "volume" else total + price
        below = within if top is None else top
    return total


def _either(shown: Json, name: str) -> Fraction | None:
    whole = number(shown.get(name))
    return number(shown.get(f"{name}_decimal")) if whole is None else whole
