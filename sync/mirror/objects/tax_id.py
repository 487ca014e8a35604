"""Tax ids: under which numbers customers, or the account itself, are registered for tax."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, at, instant, ref, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "tax_ids",
    Column("created", DateTime(timezone=True)),
    Column("customer", Text, comment="null when the id is the account's own"),
    Column("type", Text, comment="such as `eu_vat`"),
    Column("value", Text),
    Column("country", Text),
    Column("verification_status", Text),
    indexed=("customer",),
)


def project(tax_id: Json) -> Row:
    """Return the typed columns of a tax id."""
    owner = at(tax_id, "owner", "customer")
    return {
        "created": instant(tax_id.get("created")),
        "customer": ref(tax_id.get("customer")) or ref(owner),
        "type": string(tax_id.get("type")),
        "value": string(tax_id.get("value")),
        "country": string(tax_id.get("country")),
        "verification_status": string(at(tax_id, "verification", "status")),
    }


# The list shows the account's own only; a customer's come with every reading of the customer.
OBJECT = MirroredObject(
    "tax_id",
    TABLE,
    project,
    endpoint=Endpoint(many="/v1/tax_ids", one="/v1/tax_ids/{id}", by_created=False),
)
