"""Every object that has no table of its own yet: kept whole, found by type, id and customer."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, customer_of, instant, string
from sync.mirror.tables import MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "other_objects",
    # Part of the key: a plan and a price may share one id.
    Column("object", Text, primary_key=True),
    Column("created", DateTime(timezone=True)),
    Column("customer", Text),
    Column("status", Text),
    indexed=("customer",),
)


def project(subject: Json) -> Row:
    """Return the few columns that most of Stripe's objects share."""
    return {
        "object": string(subject.get("object")) or "",
        "created": instant(subject.get("created")),
        "customer": customer_of(subject),
        "status": string(subject.get("status")),
    }


OBJECT = MirroredObject("*", TABLE, project)
