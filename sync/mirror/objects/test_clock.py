"""Test clocks: simulated time for objects in test mode."""

from sqlalchemy import Column, DateTime, Text

from sync.mirror.shapes import Json, instant, string
from sync.mirror.tables import Endpoint, MirroredObject, Row, mirror_table

TABLE = mirror_table(
    "test_clocks",
    Column("created", DateTime(timezone=True)),
    Column("name", Text),
    Column("status", Text),
    Column("frozen_time", DateTime(timezone=True), comment="what time it is for its objects"),
    Column("deletes_after", DateTime(timezone=True)),
)


def project(clock: Json) -> Row:
    """Return the typed columns of a test clock."""
    return {
        "created": instant(clock.get("created")),
        "name": string(clock.get("name")),
        "status": string(clock.get("status")),
        "frozen_time": instant(clock.get("frozen_time")),
        "deletes_after": instant(clock.get("deletes_after")),
    }


OBJECT = MirroredObject(
    "test_helpers.test_clock",
    TABLE,
    project,
    endpoint=Endpoint(
        many="/v1/test_helpers/test_clocks",
        one="/v1/test_helpers/test_clocks/{id}",
        by_created=False,
    ),
)
