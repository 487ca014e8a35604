"""What is for sale: every price that takes a SKU from the shelf, and what of it is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, text

from sync.inventory import items
from sync.inventory.items import Item
from sync.inventory.mapping import Component, added_up, read_mark
from sync.inventory.policy import InventoryPolicy
from sync.inventory.tables import SKU_MAP, STOCK_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A price and what one unit of it takes; a subscriber's own variant is no offer."""

    account: str
    price: str
    product: str | None
    is_default: bool
    components: tuple[Component, ...]


def selling(conn: Connection, sku: str, policy: InventoryPolicy) -> list[Offer]:
    """Return the mirrored prices that take `sku`, by the shop's map or by their marks."""
    rows = conn.execute(
        _MAY_SELL, {"sku": sku, "keys": policy.lookup_keys, "accounts": sorted(policy.accounts)}
    ).all()
    by_hand = _by_hand(conn, rows)
    offers = (_offer(row, by_hand, policy) for row in rows)
    return [offer for offer in offers if any(each.sku == sku for each in offer.components)]


def shelves(conn: Connection, offer: Offer) -> list[tuple[Item, int, int]]:
    """Return of each component what is free by now and how many one unit takes."""
    known = items.load(conn, [each.sku for each in offer.components])
    return [
        (item, _free(conn, each, item), each.quantity)
        for each in offer.components
        if (item := known.get(each.sku, Item(sku=each.sku)))
    ]


# A generous first choice by the text of the marks; what they really say is read afterwards.
_MAY_SELL = text("""
    SELECT price.account, price.id, price.product, price.data AS price_data,
           product.data->'metadata' AS product_metadata,
           product.data->>'default_price' AS default_price
      FROM stripe.prices AS price
      LEFT JOIN stripe.products AS product
        ON product.id = price.product AND product.account = price.account
     WHERE price.deleted_at IS NULL AND price.account = ANY(:accounts)
       AND (price.id IN (SELECT price_id FROM evergreen.sku_map WHERE sku = :sku)
            OR price.product IN (SELECT product_id FROM evergreen.sku_map WHERE sku = :sku)
            OR position(:sku IN coalesce(price.data->>'metadata', '')) > 0
            OR position(:sku IN coalesce(product.data->>'metadata', '')) > 0
            OR (:keys AND price.data->>'lookup_key' = :sku))
     ORDER BY price.account, price.id""")


def _by_hand(conn: Connection, rows: Any) -> dict[str, list[Component]]:
    price, product = SKU_MAP.c.price_id, SKU_MAP.c.product_id
    ids = {row.id for row in rows} | {row.product for row in rows}
    found: dict[str, list[Component]] = {}
    for row in conn.execute(select(SKU_MAP).where(price.in_(ids) | product.in_(ids))):
        component = Component(row.sku, row.quantity, row.location)
        found.setdefault(row.price_id or row.product_id, []).append(component)
    return found


def _offer(row: Row[Any], by_hand: dict[str, list[Component]], policy: InventoryPolicy) -> Offer:
    mapped = by_hand.get(row.id) or by_hand.get(row.product or "")
    components = added_up(mapped) if mapped else next(_marked(row, policy), ())
    return Offer(
        account=row.account,
        price=row.id,
        product=row.product,
        is_default=row.default_price == row.id,
        components=components,
    )


def _marked(row: Row[Any], policy: InventoryPolicy) -> Iterator[tuple[Component, ...]]:
    for metadata in (row.price_data.get("metadata"), row.product_metadata):
        read = read_mark(metadata or {}, policy.location)
        if read is not None:
            yield read.components
    if policy.lookup_keys and row.price_data.get("lookup_key"):
        yield (Component(row.price_data["lookup_key"], location=policy.location),)


def _free(conn: Connection, component: Component, item: Item) -> int:
    level = STOCK_LEVEL.c
    free = select(level.on_hand - level.reserved).where(
        level.sku == component.sku, level.location == component.location
    )
    return int(conn.execute(free).scalar() or 0) - item.safety
