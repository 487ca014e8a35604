"""What the shop says of each SKU: whether and how it is limited, and when to speak up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from sync.inventory.ledger import know_items
from sync.inventory.tables import STOCK_ITEM

SellPolicy = Literal["always", "only_if_available", "partial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A SKU's thresholds, in units at one location; `low_at` None: never told as low."""

    sku: str
    track: bool = True
    safety: int = 0
    oos_at: int = 0
    resume_at: int = 1
    low_at: int | None = None
    policy: SellPolicy = "only_if_available"

    @property
    def unlimited(self) -> bool:
        """Whether it is sold without regard to what is there."""
        return not self.track or self.policy == "always"


def load(conn: Connection, skus: Iterable[str]) -> dict[str, Item]:
    """Return what is known of `skus`; one that was never sold, counted or mapped is missing."""
    column = STOCK_ITEM.c
    rows = conn.execute(select(STOCK_ITEM).where(column.sku.in_(sorted(set(skus)))))
    return {row.sku: _item(row) for row in rows}


def change(conn: Connection, sku: str, changes: Mapping[str, Any]) -> Item:
    """Keep new thresholds of a SKU, which becomes known by it; return how it stands then."""
    know_items(conn, [sku])
    if changes:
        conn.execute(update(STOCK_ITEM).where(STOCK_ITEM.c.sku == sku).values(dict(changes)))
    return load(conn, [sku])[sku]


def _item(row: Any) -> Item:
    return Item(
        sku=row.sku,
        track=row.track,
        safety=row.safety,
        oos_at=row.oos_at,
        resume_at=row.resume_at,
        low_at=row.low_at,
        policy=row.policy,
    )
