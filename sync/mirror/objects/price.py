"""Prices: for how much, in which currency, how often."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Text

from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    instant,
    integer,
    product_of_price,
    recurring_of_price,
    string,
)
from sync.mirror.tables import MirroredObject, Row, mirror_table

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
    indexed=("product",),
)


def project(price: Json) -> Row:
    """Return the typed columns of a price; `sku` is the shop's own mark in its metadata."""
    interval, interval_count = recurring_of_price(price)
    return {
        "created": instant(price.get("created")),
        "product": product_of_price(price),
        "active": boolean(price.get("active")),
        "currency": string(price.get("currency")),
        "unit_amount_minor": integer(price.get("unit_amount")),
        "unit_amount_decimal": string(price.get("unit_amount_decimal")),
        "type": string(price.get("type")),
        "recurring_interval": interval,
        "recurring_interval_count": interval_count,
        "usage_type": string(at(price, "recurring", "usage_type")),
        "nickname": string(price.get("nickname")),
        "lookup_key": string(price.get("lookup_key")),
        "sku": string(at(price, "metadata", "sku")),
    }


OBJECT = MirroredObject("price", TABLE, project)
