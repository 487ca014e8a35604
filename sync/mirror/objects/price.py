"""Prices: for how much, in which currency, how often."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text

from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    instant,
    product_of_price,
    recurring_of_price,
    string,
    unit_amount,
    usage_of_price,
)
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "prices",
    Column("created", DateTime(timezone=True)),
    Column("product", Text),
    Column("active", Boolean),
    Column("currency", Text),
    # None when the price has tiers, or a fraction of the minor unit (then unit_amount_decimal).
    Column("unit_amount_minor", BigInteger),
    Column("unit_amount_decimal", Text),
    Column("type", Text),
    Column("recurring_interval", Text),
    Column("recurring_interval_count", Integer),
    Column("usage_type", Text),
    Column("nickname", Text),
    Column("lookup_key", Text),
    Column("sku", Text),
    Column("billing_scheme", Text),
    Column("tiers_mode", Text),
    Column("tax_behavior", Text),
    Column("meter", Text),
    indexed=("product",),
)


def project(price: Json) -> Row:
    """Return the typed columns of a price; `sku` is the shop's own mark in its metadata."""
    interval, interval_count = recurring_of_price(price)
    amount, decimal = unit_amount(price)
    usage_type, meter = usage_of_price(price)
    return {
        "created": instant(price.get("created")),
        "product": product_of_price(price),
        "active": boolean(price.get("active")),
        "currency": string(price.get("currency")),
        "unit_amount_minor": amount,
        "unit_amount_decimal": decimal,
        "type": string(price.get("type")),
        "recurring_interval": interval,
        "recurring_interval_count": interval_count,
        "usage_type": usage_type,
        "nickname": string(price.get("nickname")),
        "lookup_key": string(price.get("lookup_key")),
        "sku": string(at(price, "metadata", "sku")),
        "billing_scheme": string(price.get("billing_scheme")),
        "tiers_mode": string(price.get("tiers_mode")),
        "tax_behavior": string(price.get("tax_behavior")),
        "meter": meter,
    }


TIERS = "tiers"


def lacks_tiers(price: Json) -> bool:
    """Tell of a price or plan with tiers as events show it: they are rendered on request only."""
    return price.get("billing_scheme") == "tiered" and not price.get(TIERS)


OBJECT = MirroredObject(
    "price",
    TABLE,
    project,
    endpoint=Endpoint(many="/v1/prices", one="/v1/prices/{id}", expand=(TIERS, "currency_options")),
    lacks=lacks_tiers,
)
