"""Every row of the mirror, to compare one state with another."""

from sqlalchemy import Engine

from migrations.tables import METADATA
from tests.mirror.fold import rows

MIRROR = [table for table in METADATA.sorted_tables if table.schema == "stripe"]


def held(engine: Engine) -> dict[str, list[str]]:
    """Return all rows of the mirror as text, whole and sorted, by table."""
    query = "SELECT t::text FROM {} t"
    return {
        table.name: [row for (row,) in rows(engine, query.format(table.fullname))]
        for table in MIRROR
    }
