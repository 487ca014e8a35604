"""Rows into the history, one statement per table."""

from collections.abc import Sequence
from functools import cache

import orjson
from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.dialects import postgresql

from sync.history.deriving import Derived
from sync.history.tables import HISTORY, ITEMS
from sync.mirror.tables import Row

# What a discount, coupon or price that comes later fills in; all else is written once.
_FILLED = frozenset(
    {
        "mrr_list_micro_minor",
        "mrr_net_forever_micro_minor",
        "mrr_net_all_micro_minor",
        "depends_on",
        "missing",
    }
)

_DROP = """
DELETE FROM {table} AS h
USING jsonb_to_recordset(CAST(:kept AS jsonb)) AS state(
    account text, event_id text, subscription text, kept timestamptz[]
)
WHERE (h.account, h.event_id, h.subscription)
    = (state.account, state.event_id, state.subscription)
  AND h.effective_at <> ALL (state.kept)
"""


def write(conn: Connection, derived: Sequence[Derived]) -> None:
    """Append rows; of those that stand already, fill in what the amounts rest on by now."""
    _insert(conn, HISTORY, [row for each in derived for row in each.rows])
    _insert(conn, ITEMS, [item for each in derived for item in each.items])


def rewrite(conn: Connection, derived: Sequence[Derived]) -> None:
    """Write all rows of some states, and drop the dated ones that no longer hold."""
    write(conn, derived)
    kept = orjson.dumps([_kept(each) for each in derived]).decode()
    for table in (HISTORY, ITEMS):
        conn.execute(text(_DROP.format(table=table.fullname)), {"kept": kept})


def _kept(derived: Derived) -> Row:
    key = {name: derived.rows[0][name] for name in ("account", "event_id", "subscription")}
    return {**key, "kept": [row["effective_at"] for row in derived.rows]}


def _insert(conn: Connection, table: Table, rows: Sequence[Row]) -> None:
    if rows:
        conn.execute(_statement(table), {"rows": orjson.dumps(rows).decode()})


@cache
def _statement(table: Table) -> TextClause:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    ours = [column for column in table.columns if column.name != "recorded_at"]
    names = ", ".join(column.name for column in ours)
    typed = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in ours)
    keys = ", ".join(column.name for column in table.primary_key)
    filled = ", ".join(f"{c.name} = excluded.{c.name}" for c in ours if c.name in _FILLED)
    return text(
        f"INSERT INTO {table.fullname} ({names}) SELECT {names}"  # noqa: S608 — names come from our own tables
        f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS incoming({typed})"
        f" ON CONFLICT ({keys}) DO UPDATE SET {filled}"
    )
