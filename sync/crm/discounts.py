"""Which coupons lower what a customer pays, wherever Stripe's API version puts them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, Table, select

from sync.mirror.objects import coupon, discount
from sync.mirror.objects.discount import coupon_of, on
from sync.mirror.shapes import Json, integer, ref, string


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A coupon at work; `amount_off_minor` is per invoice. `forever`: it never runs out."""

    coupon: str
    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    currency: str | None = None
    forever: bool = False


def load_discounts(
    conn: Connection, account: str, sources: Sequence[Json]
) -> Callable[[Json], tuple[Discount, ...]]:
    """Return what tells a subscription's or customer's discounts.

    `sources` are all objects it will be asked about. A discount is an object until 2020 and
    an id since; since 2025-09-30.clover it names its coupon by id only.
    """
    named = [each for source in sources for each in on(source)]
    discounts = _objects(conn, account, discount.TABLE, map(ref, named))
    known = [_whole(each, discounts) for each in named]
    coupons = _objects(conn, account, coupon.TABLE, (ref(coupon_of(each)) for each in known))

    def of(source: Json) -> tuple[Discount, ...]:
        found = (_discount(coupon_of(_whole(each, discounts)), coupons) for each in on(source))
        return tuple(each for each in found if each)

    return of


def _whole(named: object, known: Mapping[str, Json]) -> Json:
    return named if isinstance(named, Mapping) else known.get(ref(named) or "", {})


def _discount(named: object, known: Mapping[str, Json]) -> Discount | None:
    coupon_id = ref(named)
    if coupon_id is None:
        return None
    whole: Json = named if isinstance(named, Mapping) else known.get(coupon_id, {})
    return Discount(
        coupon=coupon_id,
        percent_off=_percent(whole.get("percent_off")),
        amount_off_minor=integer(whole.get("amount_off")),
        currency=string(whole.get("currency")),
        forever=whole.get("duration") == "forever",
    )


def _percent(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _objects(
    conn: Connection, account: str, table: Table, ids: Iterable[str | None]
) -> dict[str, Json]:
    wanted = sorted({each for each in ids if each})
    rows = select(table.c.id, table.c.data).where(
        table.c.id.in_(wanted), table.c.account == account
    )
    return {row.id: row.data for row in conn.execute(rows)} if wanted else {}
