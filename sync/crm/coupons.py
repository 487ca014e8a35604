"""Which coupons are at work on a customer's purchases, wherever Stripe's API version puts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from sync.mirror.objects import discount
from sync.mirror.objects.discount import coupon_of, on
from sync.mirror.shapes import Json, instant, ref


@dataclass(frozen=True, slots=True)
class AppliedCoupon:
    """A coupon at work until before `ends_at`; None: no end is set."""

    coupon: str
    ends_at: datetime | None = None


def load_coupons(
    conn: Connection, account: str, sources: Mapping[str, Json]
) -> dict[str, list[AppliedCoupon]]:
    """Return the coupons on each of `sources`: subscriptions and customers, by id.

    A discount is an object until 2020 and an id since.
    """
    named = {owner: on(source) for owner, source in sources.items()}
    wanted = {ref(each) for each_of in named.values() for each in each_of}
    known = _discounts(conn, account, sorted(filter(None, wanted)))
    return {owner: _applied(each, known) for owner, each in named.items() if each}


def _applied(named: Sequence[object], known: Mapping[str, Json]) -> list[AppliedCoupon]:
    whole = [
        each if isinstance(each, Mapping) and coupon_of(each) else known.get(ref(each) or "", {})
        for each in named
    ]
    found = [(ref(coupon_of(each)), instant(each.get("end"))) for each in whole]
    return [AppliedCoupon(coupon, ends_at) for coupon, ends_at in found if coupon]


def _discounts(conn: Connection, account: str, ids: Sequence[str]) -> dict[str, Json]:
    table = discount.TABLE.c
    rows = select(table.id, table.data).where(table.account == account, table.id.in_(ids))
    return {row.id: row.data for row in conn.execute(rows)} if ids else {}
