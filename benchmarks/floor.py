"""The floor under the drain: the same upsert as one SQL statement, without any Python.

It reads the pending inbox rows as jsonb, keeps the newest snapshot of each object, writes copies
of all mirror tables with their typed columns and indexes, children too, and marks the rows done.
It decides no ties, reads nothing back, and no failure of one event can be told from another's.
"""

from collections.abc import Iterator, Mapping

import psycopg
from sqlalchemy import Column, DateTime, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.objects.invoice import LINES
from sync.mirror.objects.subscription import ITEMS

SCHEMA = "floor"
_CHILDREN = {"subscription": (ITEMS, "items"), "invoice": (LINES, "lines")}
_TABLES = (*(kind.table for kind in OBJECTS.values()), OTHER.table, ITEMS, LINES)

# Where a column's value stands, when not on top under the column's own name.
_PATHS: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "country": "address,country",
        "default_payment_method": "invoice_settings,default_payment_method",
    },
    "prices": {
        "recurring_interval": "recurring,interval",
        "recurring_interval_count": "recurring,interval_count",
        "usage_type": "recurring,usage_type",
        "sku": "metadata,sku",
    },
    "products": {"sku": "metadata,sku"},
    "subscriptions": {
        "current_period_start": "items,data,0,current_period_start",
        "current_period_end": "items,data,0,current_period_end",
        "cancellation_reason": "cancellation_details,reason",
        "cancellation_feedback": "cancellation_details,feedback",
        "pause_collection_behavior": "pause_collection,behavior",
    },
    "subscription_items": {
        "price": "price,id",
        "product": "price,product",
        "currency": "price,currency",
        "unit_amount_minor": "price,unit_amount",
        "recurring_interval": "price,recurring,interval",
        "recurring_interval_count": "price,recurring,interval_count",
    },
    "invoices": {
        "subscription": "parent,subscription_details,subscription",
        "finalized_at": "status_transitions,finalized_at",
        "paid_at": "status_transitions,paid_at",
        "voided_at": "status_transitions,voided_at",
    },
    "invoice_line_items": {
        "subscription": "parent,subscription_item_details,subscription",
        "subscription_item": "parent,subscription_item_details,subscription_item",
        "proration": "parent,subscription_item_details,proration",
        "price": "pricing,price_details,price",
        "product": "pricing,price_details,product",
        "period_start": "period,start",
        "period_end": "period,end",
    },
}
_ABOUT = ("account", "livemode", "as_of", "as_of_event_id")
_DEFAULTED = frozenset({"source", "provisional", "undecided", "deleted_at"})
_PARENT = {ITEMS.name: "subscription", LINES.name: "invoice"}


def create(conn: psycopg.Connection) -> None:
    """Make the copies of the mirror's tables, with their indexes."""
    conn.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    for table in _TABLES:
        like = f"CREATE TABLE {SCHEMA}.{table.name} (LIKE {table.fullname} INCLUDING ALL)"
        conn.execute(like.encode())


def empty(conn: psycopg.Connection) -> None:
    """Empty the copies."""
    conn.execute(f"TRUNCATE {', '.join(f'{SCHEMA}.{table.name}' for table in _TABLES)}".encode())


def run(conn: psycopg.Connection, batch: int) -> None:
    """Bring everything pending into the copies, so many events with each statement."""
    once = statement(batch)
    while conn.execute(once).fetchone() != (0,):
        pass


def statement(batch: int) -> bytes:
    """Return the one statement, for the oldest `batch` pending events."""
    writes = ",\n".join(f"{name} AS ({insert})" for name, insert in _inserts())
    return f"""
        WITH event AS MATERIALIZED (
            SELECT seq, account, convert_from(payload, 'UTF8')::jsonb AS body
            FROM evergreen.inbox WHERE state = 'pending' ORDER BY seq LIMIT {batch}
        ), newest AS MATERIALIZED (
            SELECT DISTINCT ON (body #>> '{{data,object,object}}', body #>> '{{data,object,id}}')
                body #> '{{data,object}}' AS data, body #>> '{{data,object,object}}' AS type,
                body #>> '{{data,object,id}}' AS id, account, body ->> 'id' AS as_of_event_id,
                (body ->> 'livemode')::boolean AS livemode,
                to_timestamp((body ->> 'created')::bigint) AS as_of
            FROM event WHERE body #>> '{{data,object,id}}' IS NOT NULL
            ORDER BY body #>> '{{data,object,object}}', body #>> '{{data,object,id}}',
                body -> 'created' DESC
        ), done AS (
            UPDATE evergreen.inbox SET state = 'done', attempts = attempts + 1, done_at = now()
            FROM event WHERE inbox.seq = event.seq
        ),
        {writes}
        SELECT count(*) FROM event
    """.encode()


def _inserts() -> Iterator[tuple[str, str]]:
    for name, kind in OBJECTS.items():
        yield f"write_{name}", _insert(kind.table, f"newest WHERE type = '{name}'")
    for name, (table, field) in _CHILDREN.items():
        child = f"newest AS parent, jsonb_array_elements(parent.data #> '{{{field},data}}') AS data"
        yield f"write_{name}_{field}", _insert(table, f"{child} WHERE type = '{name}'")
    known = ", ".join(f"'{name}'" for name in OBJECTS)
    yield "write_other", _insert(OTHER.table, f"newest WHERE type NOT IN ({known})")


def _insert(table: Table, source: str) -> str:
    """Return the upsert of all rows of `source` into the copy of `table`."""
    columns = [column for column in table.columns if column.name not in _DEFAULTED]
    quoted = [f'"{column.name}"' for column in columns]
    keys = [f'"{column.name}"' for column in table.primary_key]
    replaced = [f"{name} = excluded.{name}" for name in quoted if name not in keys]
    return (
        f"INSERT INTO {SCHEMA}.{table.name} ({', '.join(quoted)})"
        f" SELECT {', '.join(_value(table, column) for column in columns)} FROM {source}"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(replaced)}"
    )


def _value(table: Table, column: Column[object]) -> str:
    """Return the expression that reads `column` out of the JSON `data`."""
    if column.name in _ABOUT:
        return column.name
    data = "data.value" if table.name in _PARENT else "newest.data"
    if column.name == "data":
        return data
    if column.name == _PARENT.get(table.name):
        return "parent.id"
    path = _PATHS.get(table.name, {}).get(column.name, column.name.removesuffix("_minor"))
    return _typed(column, data, f"'{{{path}}}'")


def _typed(column: Column[object], data: str, path: str) -> str:
    if isinstance(column.type, ARRAY):
        return f"ARRAY(SELECT jsonb_array_elements_text({data} #> {path}))"
    if isinstance(column.type, DateTime):
        return f"to_timestamp(({data} #>> {path})::bigint)"
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return f"({data} #>> {path})::{column.type.compile(dialect)}"
