"""Plans: the older face of recurring prices; a plan and its price share one id."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Text

from sync.mirror.objects.price import TIERS, lacks_tiers
from sync.mirror.shapes import (
    Json,
    boolean,
    instant,
    integer,
    product_of_price,
    string,
    usage_of_price,
)
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "plans",
    Column("created", DateTime(timezone=True)),
    Column("product", Text),
    Column("active", Boolean),
    Column("currency", Text),
    Column("amount_minor", BigInteger, comment="null with tiers or a fraction of the minor unit"),
    Column("amount_decimal", Text, comment="in minor units"),
    Column("interval", Text),
    Column("interval_count", BigInteger),
    Column("billing_scheme", Text),
    Column("tiers_mode", Text),
    Column("usage_type", Text),
    Column("meter", Text),
    Column("trial_period_days", BigInteger),
    Column("nickname", Text),
    indexed=("product",),
)


def project(plan: Json) -> Row:
    """Return the typed columns of a plan."""
    usage_type, meter = usage_of_price(plan)
    return {
        "created": instant(plan.get("created")),
        "product": product_of_price(plan),
        "active": boolean(plan.get("active")),
        "currency": string(plan.get("currency")),
        "amount_minor": integer(plan.get("amount")),
        "amount_decimal": string(plan.get("amount_decimal")),
        "interval": string(plan.get("interval")),
        "interval_count": integer(plan.get("interval_count")),
        "billing_scheme": string(plan.get("billing_scheme")),
        "tiers_mode": string(plan.get("tiers_mode")),
        "usage_type": usage_type,
        "meter": meter,
        "trial_period_days": integer(plan.get("trial_period_days")),
        "nickname": string(plan.get("nickname")),
    }


OBJECT = MirroredObject(
    "plan",
    TABLE,
    project,
    reuses_ids=True,
    endpoint=Endpoint(many="/v1/plans", one="/v1/plans/{id}", expand=(TIERS,)),
    lacks=lacks_tiers,
)
