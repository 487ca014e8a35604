"""Tax rates: which share is added, or contained, as tax."""

from sqlalchemy import Boolean, Column, DateTime, Numeric, Text

from sync.mirror.shapes import Json, boolean, exact, instant, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "tax_rates",
    Column("created", DateTime(timezone=True)),
    Column("display_name", Text),
    Column("description", Text),
    Column("active", Boolean),
    Column("inclusive", Boolean, comment="whether prices contain it already"),
    Column("percentage", Numeric),
    Column("country", Text),
    Column("state", Text),
    Column("jurisdiction", Text),
    Column("tax_type", Text),
)


def project(rate: Json) -> Row:
    """Return the typed columns of a tax rate."""
    return {
        "created": instant(rate.get("created")),
        "display_name": string(rate.get("display_name")),
        "description": string(rate.get("description")),
        "active": boolean(rate.get("active")),
        "inclusive": boolean(rate.get("inclusive")),
        "percentage": exact(rate.get("percentage")),
        "country": string(rate.get("country")),
        "state": string(rate.get("state")),
        "jurisdiction": string(rate.get("jurisdiction")),
        "tax_type": string(rate.get("tax_type")),
    }


OBJECT = MirroredObject(
    "tax_rate",
    TABLE,
    project,
    deletable=False,
    endpoint=Endpoint(many="/v1/tax_rates", one="/v1/tax_rates/{id}"),
)
