"""Whole batches into mirror tables, one statement per table."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import orjson
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Table, TextClause, bindparam, delete, text, tuple_
from sqlalchemy.dialects import postgresql

from sync.mirror.tables import Children, Row

Before = Mapping[str, Any] | None


def upsert(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write `rows` over what stands under their keys; columns a row lacks become null.

    All rows travel as one JSON parameter and PostgreSQL takes them apart: that costs a
    third of the client's time that a parameter per value costs.
    """
    if rows:
        keyed = {_key_of(table)(row): row for row in rows}
        in_order = [keyed[key] for key in sorted(keyed)]
        conn.execute(_statement(table), {"rows": Jsonb(in_order, orjson.dumps)})


def replace_children(
    conn: Connection, children: Children, parents: Sequence[tuple[Row, Before]]
) -> None:
    """Make `children`'s table show exactly what the parent rows embed.

    `parents` are rows of the parent's table, each with the data it replaces, if any. A child
    that a complete list lacks is removed; a list that Stripe cut short removes nothing.
    """
    rows = [_child_row(child, row) for row, _ in parents for child in children.rows(row["data"])]
    shrunk = [row for row, before in parents if _may_have_lost(children, row["data"], before)]
    _remove_gone(conn, children, shrunk, rows)
    upsert(conn, children.table, rows)


def _may_have_lost(children: Children, now: Mapping[str, Any], before: Before) -> bool:
    """Tell whether a child may stand that the complete list `now` lacks.

    After a complete list the table shows exactly that; after a cut one it may show more.
    """
    if before is None or not children.complete(now):
        return False
    return not children.complete(before) or not _ids(children, before) <= _ids(children, now)


def _ids(children: Children, parent: Mapping[str, Any]) -> set[str]:
    return {row["id"] for row in children.rows(parent)}


_INHERITED = (
    "account",
    "livemode",
    "as_of",
    "as_of_event_id",
    "source",
    "provisional",
    "undecided",
    "deleted_at",
)


def _child_row(child: Row, parent: Mapping[str, Any]) -> Row:
    return {**child, "incomplete": False, **{name: parent[name] for name in _INHERITED}}


def _remove_gone(
    conn: Connection, children: Children, parents: Sequence[Mapping[str, Any]], kept: Sequence[Row]
) -> None:
    if not parents:
        return
    table, parent = children.table.c, children.table.c[children.parent_column]
    gone = delete(children.table).where(
        tuple_(parent, table.account).in_([(row["id"], row["account"]) for row in parents]),
    )
    if kept:
        staying = [(row["id"], row["account"]) for row in kept]
        gone = gone.where(tuple_(table.id, table.account).not_in(staying))
    conn.execute(gone)


@cache
def _key_of(table: Table) -> Callable[[Row], tuple[str, ...]]:
    """Return what reads a row's primary key, which has several columns in every mirror table."""
    return itemgetter(*(column.name for column in table.primary_key))


@cache
def _statement(table: Table) -> TextClause:
    """Return the upsert of a JSON array of rows into `table`."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    quoted = {c.name: dialect.identifier_preparer.quote(c.name) for c in table.columns}
    typed = [f"{quoted[c.name]} {c.type.compile(dialect)}" for c in table.columns]
    keys = [quoted[c.name] for c in table.primary_key]
    values = [name for name in quoted.values() if name not in keys]
    replaced = [f"{name} = excluded.{name}" for name in values]
    columns = ", ".join(quoted.values())
    return text(
        f"INSERT INTO {table.fullname} ({columns}) SELECT {columns}"  # noqa: S608 — names come from our own tables
        f" FROM jsonb_to_recordset(:rows) AS incoming({', '.join(typed)})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(replaced)}",
    ).bindparams(bindparam("rows"))
