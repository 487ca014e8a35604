"""Coupons: by how much, and for how long, a price may be lowered."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Numeric, Text

from sync.mirror.shapes import Json, boolean, exact, instant, integer, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "coupons",
    Column("created", DateTime(timezone=True)),
    Column("name", Text),
    Column("percent_off", Numeric),
    Column("amount_off_minor", BigInteger),
    Column("currency", Text, comment="of amount_off_minor"),
    Column("duration", Text),
    Column("duration_in_months", BigInteger),
    Column("max_redemptions", BigInteger),
    Column("times_redeemed", BigInteger),
    Column("redeem_by", DateTime(timezone=True)),
    Column("valid", Boolean, comment="whether it can still be redeemed"),
)


def project(coupon: Json) -> Row:
    """Return the typed columns of a coupon."""
    return {
        "created": instant(coupon.get("created")),
        "name": string(coupon.get("name")),
        "percent_off": exact(coupon.get("percent_off")),
        "amount_off_minor": integer(coupon.get("amount_off")),
        "currency": string(coupon.get("currency")),
        "duration": string(coupon.get("duration")),
        "duration_in_months": integer(coupon.get("duration_in_months")),
        "max_redemptions": integer(coupon.get("max_redemptions")),
        "times_redeemed": integer(coupon.get("times_redeemed")),
        "redeem_by": instant(coupon.get("redeem_by")),
        "valid": boolean(coupon.get("valid")),
    }


OBJECT = MirroredObject(
    "coupon",
    TABLE,
    project,
    reuses_ids=True,
    endpoint=Endpoint(
        many="/v1/coupons", one="/v1/coupons/{id}", expand=("applies_to", "currency_options")
    ),
)
