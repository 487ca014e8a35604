"""Products: what is sold."""

from sqlalchemy import Boolean, Column, DateTime, Text

from sync.mirror.shapes import Json, at, boolean, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "products",
    Column("created", DateTime(timezone=True)),
    Column("name", Text),
    Column("description", Text),
    Column("active", Boolean),
    Column("default_price", Text),
    Column("sku", Text),
    Column("type", Text),
    Column("shippable", Boolean),
    Column("tax_code", Text),
    Column("unit_label", Text),
    Column("updated", DateTime(timezone=True)),
)


def project(product: Json) -> Row:
    """Return the typed columns of a product; `sku` is the shop's own mark in its metadata."""
    return {
        "created": instant(product.get("created")),
        "name": string(product.get("name")),
        "description": string(product.get("description")),
        "active": boolean(product.get("active")),
        "default_price": ref(product.get("default_price")),
        "sku": string(at(product, "metadata", "sku")),
        "type": string(product.get("type")),
        "shippable": boolean(product.get("shippable")),
        "tax_code": ref(product.get("tax_code")),
        "unit_label": string(product.get("unit_label")),
        "updated": instant(product.get("updated")),
    }


OBJECT = MirroredObject(
    "product",
    TABLE,
    project,
    reuses_ids=True,
    endpoint=Endpoint(many="/v1/products", one="/v1/products/{id}"),
)
