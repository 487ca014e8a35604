"""Discounts that ended: no list shows them, and what they lowered the price of just lacks them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, any_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.objects import discount
from sync.mirror.reading import Told
from sync.mirror.shapes import Json, items_of, mappings, ref

# What tells all the discounts on it. An invoice keeps those that ended since.
_TELLING = ("customer", "subscription")


def ended(conn: Connection, readings: Sequence[Told]) -> Mapping[str, list[Told]]:
    """Return the discounts that stand here and that `readings` show no more, as gone.

    By the id of what they were on. The readings are of one account.
    """
    shown = {told.object_id: told for told in readings if told.object_type in _TELLING}
    found: dict[str, list[Told]] = defaultdict(list)
    for discount_id, on_id, as_of in _standing(conn, shown) if shown else ():
        told = shown[on_id]
        if not told.object or items_of(told.object).get("has_more"):
            continue  # what is cut off may be what it is on
        if as_of < told.as_of and discount_id not in _discounts(told.object):
            gone = replace(told, object_type="discount", object_id=discount_id, object=None)
            found[on_id].append(gone)
    return found


def _standing(conn: Connection, shown: Mapping[str, Told]) -> list[tuple[str, str, datetime]]:
    c, ids = discount.TABLE.c, cast(sorted(shown), ARRAY(Text))
    account = next(iter(shown.values())).account
    of_customer = and_(c.customer == any_(ids), *(c[name].is_(None) for name in discount.NARROWER))
    on = or_(c.subscription == any_(ids), of_customer)
    living = (c.account == account, c.deleted_at.is_(None), c.invoice.is_(None))
    on_id = func.coalesce(c.subscription, c.customer)
    rows = conn.execute(select(c.id, on_id, c.as_of).where(on, *living))
    return [(row[0], row[1], row[2]) for row in rows]


def _discounts(subject: Json) -> set[str | None]:
    """Return the ids of the discounts on an object and on its items."""
    discounted: list[Any] = [subject, *mappings(items_of(subject).get("data"))]
    return {ref(each) for one in discounted for each in discount.on(one)}
