"""Which coupons lower what a customer pays, wherever Stripe's API version puts them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, select

from sync.mirror.objects import other
from sync.mirror.shapes import Json, at, integer, ref, string


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
    named = [each for source in sources for each in _named(source)]
    discounts = _objects(conn, account, "discount", map(ref, named))
    known = [_whole(each, discounts) for each in named]
    coupons = _objects(conn, account, "coupon", (ref(_coupon(each)) for each in known))

    def of(source: Json) -> tuple[Discount, ...]:
        found = (_discount(_coupon(_whole(each, discounts)), coupons) for each in _named(source))
        return tuple(each for each in found if each)

    return of


def _named(source: Json) -> list[Any]:
    listed = source.get("discounts")
    found = listed if isinstance(listed, list) and listed else [source.get("discount")]
    return [each for each in found if each]


def _whole(discount: Any, known: Mapping[str, Json]) -> Json:
    return discount if isinstance(discount, Mapping) else known.get(discount, {})


def _coupon(discount: Json) -> Any:
    return at(discount, "source", "coupon") or discount.get("coupon")


def _discount(coupon: Any, known: Mapping[str, Json]) -> Discount | None:
    coupon_id = ref(coupon)
    if coupon_id is None:
        return None
    whole: Json = coupon if isinstance(coupon, Mapping) else known.get(coupon_id, {})
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
    conn: Connection, account: str, object_type: str, ids: Iterable[str | None]
) -> dict[str, Json]:
    table, wanted = other.TABLE.c, sorted({each for each in ids if each})
    rows = select(table.id, table.data).where(
        table.id.in_(wanted), table.account == account, table.object == object_type
    )
    return {row.id: row.data for row in conn.execute(rows)} if wanted else {}
