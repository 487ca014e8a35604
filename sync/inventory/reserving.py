"""What a checkout asks to hold: read, added up, and how a paid thing names it. No I/O."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from sync.errors import Malformed
from sync.mirror.shapes import Json, at

MOST_ITEMS, MOST_QUANTITY = 100, 1_000_000
TTL_S = range(10, 7 * 86_400 + 1)
DEFAULT_TTL_S = 1_800
_ID = re.compile(r"rsv_[0-9a-f]{32}")
_NAMED_IN = (
    ("metadata", "reservation"),
    ("parent", "subscription_details", "metadata", "reservation"),
    ("subscription_details", "metadata", "reservation"),
    ("client_reference_id",),
)

Shelf = tuple[str, str]
State = Literal["held", "committed", "released", "expired"]


@dataclass(frozen=True, slots=True)
class Wish:
    """So many of a SKU at a location, for so long; shelves in the order they are locked in."""

    quantities: tuple[tuple[Shelf, int], ...]
    ttl_s: int

    def as_text(self) -> str:
        """Return what tells two requests under one idempotency key apart."""
        return orjson.dumps([self.quantities, self.ttl_s]).decode()


def read_wish(body: Any, location: str) -> Wish:
    """Return what the JSON of a request asks for; the same shelf twice is added up.

    `{"items": [{"sku", "quantity", "location"?}], "ttl_s"?}`; without a location, `location`.

    Raises:
        Malformed: with a message for whoever wrote the request.
    """
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise Malformed("send a JSON object with a list of items")
    if not 0 < len(body["items"]) <= MOST_ITEMS:
        raise Malformed(f"items: from 1 to {MOST_ITEMS}")
    sums: Counter[Shelf] = Counter()
    for place, item in enumerate(body["items"]):
        shelf, quantity = _item(item, f"items[{place}]", location)
        sums[shelf] += quantity
    ttl_s = body.get("ttl_s", DEFAULT_TTL_S)
    if type(ttl_s) is not int or ttl_s not in TTL_S:
        raise Malformed(f"ttl_s: whole seconds from {TTL_S[0]} to {TTL_S[-1]}")
    return Wish(tuple(sorted(sums.items())), ttl_s)


def _item(item: Any, where: str, location: str) -> tuple[Shelf, int]:
    if not isinstance(item, Mapping):
        raise Malformed(f"{where}: an object with sku and quantity")
    quantity = item.get("quantity")
    if type(quantity) is not int or not 0 < quantity <= MOST_QUANTITY:
        raise Malformed(f"{where}.quantity: a whole number from 1 to {MOST_QUANTITY}")
    sku = _name(item.get("sku"), f"{where}.sku")
    return (sku, _name(item.get("location", location), f"{where}.location")), quantity


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or "\0" in value or len(value) > 255:  # noqa: PLR2004 — as long as an id of Stripe's
        raise Malformed(f"{where}: a name of 1 to 255 characters")
    return value.strip()


def may_be_an_id(value: object) -> bool:
    """Tell whether `value` looks like a reservation's id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def reservation_of(paid: Json) -> str | None:
    """Return the reservation that an invoice or checkout session names, None when none."""
    named = (at(paid, *path) for path in _NAMED_IN)
    return next((str(each) for each in named if may_be_an_id(each)), None)
