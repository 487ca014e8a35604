"""Promotion codes: what customers type in to redeem a coupon."""

from collections.abc import Iterable

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, at, boolean, instant, integer, mappings, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "promotion_codes",
    Column("created", DateTime(timezone=True)),
    Column("code", Text),
    Column("coupon", Text),
    Column("customer", Text, comment="who alone may redeem it; null: anybody"),
    Column("active", Boolean),
    Column("expires_at", DateTime(timezone=True)),
    Column("max_redemptions", BigInteger),
    Column("times_redeemed", BigInteger),
    Column("first_time_transaction", Boolean, comment="only for who never paid before"),
    Column("minimum_amount_minor", BigInteger),
    Column("minimum_amount_currency", Text),
    indexed=("code", "coupon", "customer"),
)


def _coupon(code: Json) -> object:
    """Return the coupon, an id or whole; below `promotion` since 2025-09-30.clover."""
    return at(code, "promotion", "coupon") or code.get("coupon")


def project(code: Json) -> Row:
    """Return the typed columns of a promotion code, whatever API version rendered it."""
    return {
        "created": instant(code.get("created")),
        "code": string(code.get("code")),
        "coupon": ref(_coupon(code)),
        "customer": ref(code.get("customer")),
        "active": boolean(code.get("active")),
        "expires_at": instant(code.get("expires_at")),
        "max_redemptions": integer(code.get("max_redemptions")),
        "times_redeemed": integer(code.get("times_redeemed")),
        "first_time_transaction": boolean(at(code, "restrictions", "first_time_transaction")),
        "minimum_amount_minor": integer(at(code, "restrictions", "minimum_amount")),
        "minimum_amount_currency": string(at(code, "restrictions", "minimum_amount_currency")),
    }


def _embedded(code: Json) -> Iterable[Json]:
    return mappings([_coupon(code)])


OBJECT = MirroredObject(
    "promotion_code",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(
        many="/v1/promotion_codes",
        one="/v1/promotion_codes/{id}",
        expand=("promotion.coupon",),  # a deleted coupon is shown nowhere else
    ),
    embedded=_embedded,
)
