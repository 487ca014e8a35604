"""What the console asks of the mirror as such: any table, any object."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, literal, null, select

from app.console.counts import Count, count_table
from app.console.paging import Slice, read_slice
from sync.mirror.objects import OBJECTS, OTHER


def _tables() -> Iterator[Table]:
    for mirrored in (*OBJECTS.values(), OTHER):
        yield mirrored.table
        yield from (children.table for children in mirrored.children)


TABLES: Mapping[str, Table] = {table.name: table for table in _tables()}
_SHOWN = ("object", "status", "customer", "created")


def counts(conn: Connection) -> dict[str, Count]:
    """Return how many objects each table holds, deleted ones too."""
    return {name: count_table(conn, table) for name, table in TABLES.items()}


def listed(conn: Connection, name: str, before: str | None) -> Slice:
    """Return a page of a table, in the order of the ids, from the last to the first."""
    table = TABLES[name]
    keys = [column.name for column in table.primary_key]
    always = [table.c[key] for key in keys]
    always += [table.c.as_of, table.c.source, table.c.undecided, table.c.deleted_at]
    shown = [table.c.get(each, null().label(each)) for each in _SHOWN if each not in keys]
    return read_slice(conn, select(*always, *shown), keys, before=before)


def load(conn: Connection, name: str, object_id: str, account: str | None) -> RowMapping | None:
    """Return one object, all columns; without `account` the first account's that has it."""
    table = TABLES[name]
    found = select(table).where(table.c.id == object_id)
    if account is not None:
        found = found.where(table.c.account == account)
    return conn.execute(found.order_by(*table.primary_key).limit(1)).mappings().first()


def parts_of(conn: Connection, name: str, row: RowMapping) -> list[RowMapping]:
    """Return the objects embedded in one that have a table of their own, at most 100."""
    parts: list[RowMapping] = []
    for children in _children(name):
        table = children.table
        mine = (table.c[children.parent_column] == row["id"], table.c.account == row["account"])
        kind = literal(table.name).label("table")
        found = select(table.c.id, table.c.deleted_at, kind).where(*mine).order_by(table.c.id)
        parts += conn.execute(found.limit(100)).mappings()
    return parts


def _children(name: str) -> Iterator[Any]:
    for mirrored in OBJECTS.values():
        if mirrored.table.name == name:
            yield from mirrored.children
