"""What the mirror knows of the discounts, coupons and prices that states rest on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, Text, any_, bindparam, cast, select
from sqlalchemy.dialects.postgresql import ARRAY

from sync.history.discounts import Known, OfCustomer, Ref
from sync.history.prices import is_untold
from sync.history.states import State
from sync.mirror.objects import coupon, discount, price
from sync.mirror.objects.discount import NARROWER, coupon_of
from sync.mirror.shapes import Json


def load(conn: Connection, states: Sequence[State]) -> Known:
    """Return what is known for `states`; one query where nothing is discounted or tiered."""
    of_customers = _of_customers(conn, {state.row["customer"] for state in states})
    named = [each for state in states for each in _named(state)]
    discounts = _objects(conn, discount.TABLE, (each for each in named if isinstance(each, str)))
    told = [*(each.discount for some in of_customers.values() for each in some)]
    told += [*discounts.values(), *(each for each in named if isinstance(each, Mapping))]
    coupons = (coupon_of(each) for each in told)
    return Known(
        discounts=discounts,
        coupons=_objects(conn, coupon.TABLE, (each for each in coupons if isinstance(each, str))),
        prices=_objects(conn, price.TABLE, filter(None, _untold_prices(states))),
        of_customers=of_customers,
    )


def is_of_customer(shown: Json) -> bool:
    """Tell whether a discount is on all that its customer pays."""
    return not any(shown.get(name) for name in NARROWER)


def _named(state: State) -> Iterable[Any]:
    yield from state.row["discounts"] or ()
    for item in state.items:
        yield from (item["terms"] or {}).get("discounts", ())


def _untold_prices(states: Sequence[State]) -> Iterable[str | None]:
    for state in states:
        for item in state.items:
            amount, foreign = item["unit_amount_decimal"], state.foreign(item)
            if is_untold(item["terms"] or {}, amount, foreign=foreign):
                yield item["price"]


def _of_customers(conn: Connection, customers: Iterable[str | None]) -> dict[Ref, list[OfCustomer]]:
    ids = sorted(filter(None, customers))
    found: dict[Ref, list[OfCustomer]] = defaultdict(list)
    for row in conn.execute(_DISCOUNTS_OF, {"ids": ids}) if ids else ():
        found[row.account, row.customer].append(OfCustomer(row.data, row.deleted_at))
    return found


def _discounts_of() -> Select[Any]:
    table, ids = discount.TABLE.c, cast(bindparam("ids"), ARRAY(Text))
    return select(table.account, table.customer, table.data, table.deleted_at).where(
        table.customer == any_(ids), *(table[name].is_(None) for name in NARROWER)
    )


# Built once: it is asked with every batch.
_DISCOUNTS_OF = _discounts_of()


def _objects(conn: Connection, table: Table, ids: Iterable[str]) -> dict[Ref, Json]:
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = select(table.c.account, table.c.id, table.c.data)
    among = rows.where(table.c.id == any_(cast(wanted, ARRAY(Text))))
    return {(row.account, row.id): row.data for row in conn.execute(among)}
