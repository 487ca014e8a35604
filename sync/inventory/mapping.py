"""What an invoice line takes from the shelf: from the shop's marks to SKUs and quantities."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from sync.errors import Malformed
from sync.inventory.tables import DEFAULT_LOCATION

Metadata = Mapping[str, str]
_COMPONENT = re.compile(r"(?P<sku>[^:,]+?)\s*(:\s*(?P<quantity>[0-9]{1,6}))?")


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """So many of one SKU from one location, for each unit of the line."""

    sku: str
    quantity: int = 1
    location: str = DEFAULT_LOCATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What matters of a price; `unit_amount` is in minor units, None when tiered."""

    metadata: Metadata
    lookup_key: str | None
    unit_amount: Decimal | None
    metered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An invoice line and what the mirror knows of its parents; None: not mirrored (yet)."""

    id: str
    quantity: int
    amount_minor: int
    proration: bool
    discounted: bool
    price_id: str | None
    price: Price | None
    product_id: str | None
    product_metadata: Metadata | None
    subscription_id: str | None
    # Whether its own item's metadata is known, or that it will never be.
    item_known: bool
    item_metadata: Metadata
    item_id: str | None = None
    mapped_by_hand: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a line is read. `settled`: for good, whatever is mirrored or renamed later."""

    state: Literal["mapped", "ignored", "unmapped"]
    reason: str | None = None
    components: tuple[Component, ...] = field(default=())
    settled: bool = True


def parse_bundle(text: str, location: str = DEFAULT_LOCATION) -> tuple[Component, ...]:
    """Return what a bundle such as `COFFEE-250:2,MUG:1` holds; a bare SKU counts once.

    All of it is taken from `location`.

    Raises:
        Malformed: `text` is no such list; the message says which part.
    """
    return added_up([_component(part.strip(), location) for part in text.split(",")])


def _component(part: str, location: str) -> Component:
    found = _COMPONENT.fullmatch(part)
    quantity = int(found["quantity"] or 1) if found else 0
    if found is None or quantity == 0:
        raise Malformed(f"{part!r} is not SKU:QUANTITY with a quantity from 1 to 999999")
    return Component(found["sku"], quantity, location)


def added_up(components: Sequence[Component]) -> tuple[Component, ...]:
    """Return one component per SKU and location: the same SKU twice is not two things."""
    sums: Counter[tuple[str, str]] = Counter()
    for each in components:
        sums[each.sku, each.location] += each.quantity
    return tuple(Component(sku, n, location) for (sku, location), n in sorted(sums.items()))


def resolve(
    line: Line, *, lookup_keys: bool = False, location: str = DEFAULT_LOCATION
) -> Resolution:
    """Return how `line` is read by what is mirrored now.

    Order: the shop's map, the subscription item's metadata, the price's, the product's, and
    the price's lookup key where `lookup_keys` says that those are SKUs. Marks name no place:
    they take from `location`. Source: reference crm-inventory, section 3.
    """
    if reason := _not_for_sale(line):
        return Resolution("ignored", reason)
    if line.price_id and line.price is None and not (line.mapped_by_hand and line.amount_minor):
        return Resolution("unmapped", "price_not_mirrored", settled=False)
    if line.mapped_by_hand:
        return Resolution("mapped", components=added_up(line.mapped_by_hand))
    found = next(_marks(line, location), None) or _without_mark(line, location, lookup_keys)
    if line.subscription_id and not line.item_known:
        # It may name another SKU when it comes.
        return Resolution(found.state, found.reason, found.components, settled=False)
    return found


def _not_for_sale(line: Line) -> str | None:
    """Return why a line takes nothing from the shelf, whatever it is mapped to."""
    return next((reason for reason, holds in _NOT_FOR_SALE.items() if holds(line)), None)


def _is_trial(line: Line) -> bool:
    """Tell a trial from a gift: nothing is asked for something that costs, without a discount.

    A line discounted to zero still ships. Source: reference crm-inventory, section 9.
    """
    costs = line.price is not None and (line.price.unit_amount or 0) > 0
    return line.amount_minor == 0 and costs and not line.discounted


_NOT_FOR_SALE: Mapping[str, Callable[[Line], bool]] = {
    "proration": lambda line: line.proration,
    "credit": lambda line: line.amount_minor < 0,
    "metered": lambda line: line.price is not None and line.price.metered,
    "trial": _is_trial,
    "nothing": lambda line: line.quantity == 0,
}


def _marks(line: Line, location: str) -> Iterator[Resolution]:
    levels = (
        line.item_metadata,
        line.price.metadata if line.price else {},
        line.product_metadata or {},
    )
    return (read for metadata in levels if (read := read_mark(metadata, location)))


def read_mark(metadata: Metadata, location: str = DEFAULT_LOCATION) -> Resolution | None:
    """Return what one object's metadata says about the stock, None when it says nothing."""
    if metadata.get("stock") == "none":
        return Resolution("ignored", "stock_none")
    if bundle := metadata.get("sku_bundle", "").strip():
        try:
            return Resolution("mapped", components=parse_bundle(bundle, location))
        except Malformed as wrong:
            return Resolution("unmapped", f"malformed_bundle: {wrong}", settled=False)
    sku = (metadata.get("sku") or metadata.get("SKU") or "").strip()
    return _one(sku, location) if sku else None


def _one(sku: str, location: str) -> Resolution:
    return Resolution("mapped", components=(Component(sku, location=location),))


def _without_mark(line: Line, location: str, lookup_keys: bool) -> Resolution:
    if line.product_id and line.product_metadata is None:
        return Resolution("unmapped", "product_not_mirrored", settled=False)
    if lookup_keys and line.price and line.price.lookup_key:
        return _one(line.price.lookup_key, location)
    return Resolution("unmapped", "no_sku" if line.price_id else "no_price", settled=False)
