"""The floor under the drain: the same upsert as one SQL statement, without any Python.

It reads the pending inbox rows as jsonb, keeps the newest snapshot of each object, writes copies
of all mirror tables with their typed columns and indexes, children too, and marks the rows done.
It decides no ties, reads nothing back, removes no child, keeps no history, and no failure of one
event can be told from another's. Columns that are reckoned, such as sums of taxes, stay null.
"""

from collections.abc import Iterator, Mapping

import psycopg
from sqlalchemy import Column, DateTime, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY

from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.tables import Children

SCHEMA = "floor"
_CHILDREN = [(kind, each) for kind in OBJECTS.values() for each in kind.children]
TABLES = (
    *(kind.table for kind in (*OBJECTS.values(), OTHER)),
    *(children.table for _, children in _CHILDREN),
)
# The field of the parent that lists the children.
_LISTS = {
    "subscription_items": "items",
    "invoice_line_items": "lines",
    "credit_note_line_items": "lines",
    "active_entitlements": "entitlements",
}

# Where a column's value stands, when not on top under the column's own name.
_CARD = {
    f"card_{name}": name
    for name in ("brand", "last4", "exp_month", "exp_year", "fingerprint", "country", "funding")
}
_PATHS: Mapping[str, Mapping[str, str]] = {
    "customers": {
        "country": "address,country",
        "default_payment_method": "invoice_settings,default_payment_method",
    },
    "prices": {
        "recurring_interval": "recurring,interval",
        "recurring_interval_count": "recurring,interval_count",
        "usage_type": "recurring,usage_type",
        "meter": "recurring,meter",
        "sku": "metadata,sku",
    },
    "products": {"sku": "metadata,sku"},
    "subscriptions": {
        "current_period_start": "items,data,0,current_period_start",
        "current_period_end": "items,data,0,current_period_end",
        "cancellation_reason": "cancellation_details,reason",
        "cancellation_feedback": "cancellation_details,feedback",
        "pause_collection_behavior": "pause_collection,behavior",
        "pause_collection_resumes_at": "pause_collection,resumes_at",
    },
    "subscription_items": {
        "price": "price,id",
        "product": "price,product",
        "currency": "price,currency",
        "unit_amount_minor": "price,unit_amount",
        "unit_amount_decimal": "price,unit_amount_decimal",
        "usage_type": "price,recurring,usage_type",
        "recurring_interval": "price,recurring,interval",
        "recurring_interval_count": "price,recurring,interval_count",
    },
    "invoices": {
        "subscription": "parent,subscription_details,subscription",
        "quote": "parent,quote_details,quote",
        "from_invoice": "from_invoice,invoice",
        "finalized_at": "status_transitions,finalized_at",
        "paid_at": "status_transitions,paid_at",
        "voided_at": "status_transitions,voided_at",
        "marked_uncollectible_at": "status_transitions,marked_uncollectible_at",
        "pre_payment_credit_notes_minor": "pre_payment_credit_notes_amount",
        "post_payment_credit_notes_minor": "post_payment_credit_notes_amount",
    },
    "invoice_line_items": {
        "subscription": "parent,subscription_item_details,subscription",
        "subscription_item": "parent,subscription_item_details,subscription_item",
        "invoice_item": "parent,invoice_item_details,invoice_item",
        "proration": "parent,subscription_item_details,proration",
        "price": "pricing,price_details,price",
        "product": "pricing,price_details,product",
        "period_start": "period,start",
        "period_end": "period,end",
    },
    "invoice_items": {
        "subscription": "parent,subscription_details,subscription",
        "subscription_item": "parent,subscription_details,subscription_item",
        "price": "pricing,price_details,price",
        "product": "pricing,price_details,product",
        "period_start": "period,start",
        "period_end": "period,end",
    },
    "invoice_payments": {
        "payment_type": "payment,type",
        "payment_intent": "payment,payment_intent",
        "charge": "payment,charge",
        "payment_record": "payment,payment_record",
        "amount_requested_minor": "amount_requested",
        "paid_at": "status_transitions,paid_at",
        "canceled_at": "status_transitions,canceled_at",
    },
    "payment_methods": {name: f"card,{field}" for name, field in _CARD.items()},
    "payment_intents": {
        "next_action_type": "next_action,type",
        "last_payment_error_type": "last_payment_error,type",
        "last_payment_error_code": "last_payment_error,code",
        "last_payment_error_decline_code": "last_payment_error,decline_code",
    },
    "setup_intents": {"next_action_type": "next_action,type"},
    "charges": {
        **{name: f"payment_method_details,card,{field}" for name, field in _CARD.items()},
        "payment_method_type": "payment_method_details,type",
        "outcome_type": "outcome,type",
        "outcome_reason": "outcome,reason",
        "advice_code": "outcome,advice_code",
        "network_status": "outcome,network_status",
        "network_decline_code": "outcome,network_decline_code",
        "network_advice_code": "outcome,network_advice_code",
        "risk_level": "outcome,risk_level",
        "risk_score": "outcome,risk_score",
    },
    "checkout_sessions": {
        "amount_discount_minor": "total_details,amount_discount",
        "amount_shipping_minor": "total_details,amount_shipping",
        "amount_tax_minor": "total_details,amount_tax",
    },
}
_ABOUT = ("account", "livemode", "as_of", "as_of_event_id")
_DEFAULTED = frozenset({"source", "provisional", "undecided", "incomplete", "deleted_at"})
_PARENT = {children.table.name: children.parent_column for _, children in _CHILDREN}


def create(conn: psycopg.Connection) -> None:
    """Make the copies of the mirror's tables, with their indexes."""
    conn.execute(f"CREATE SCHEMA {SCHEMA}".encode())
    for table in TABLES:
        like = f"CREATE TABLE {SCHEMA}.{table.name} (LIKE {table.fullname} INCLUDING ALL)"
        conn.execute(like.encode())


def empty(conn: psycopg.Connection) -> None:
    """Empty the copies."""
    conn.execute(f"TRUNCATE {', '.join(f'{SCHEMA}.{table.name}' for table in TABLES)}".encode())


def run(conn: psycopg.Connection, batch: int) -> None:
    """Bring everything pending into the copies, so many events with each statement."""
    once = statement(batch)
    while conn.execute(once).fetchone() != (0,):
        pass


def statement(batch: int) -> bytes:
    """Return the one statement, for the oldest `batch` pending events."""
    writes = ",\n".join(f"write_{n} AS ({insert})" for n, insert in enumerate(_inserts()))
    return f"""
        WITH event AS MATERIALIZED (
            SELECT seq, account, convert_from(payload, 'UTF8')::jsonb AS body
            FROM evergreen.inbox WHERE state = 'pending' ORDER BY seq LIMIT {batch}
        ), newest AS MATERIALIZED (
            SELECT DISTINCT ON (type, id, account)
                body #> '{{data,object}}' AS data, body #>> '{{data,object,object}}' AS type,
                body #>> '{{data,object,id}}' AS id, account, body ->> 'id' AS as_of_event_id,
                (body ->> 'livemode')::boolean AS livemode,
                to_timestamp((body ->> 'created')::bigint) AS as_of
            FROM event WHERE body #>> '{{data,object,id}}' IS NOT NULL
            ORDER BY type, id, account, body -> 'created' DESC
        ), done AS (
            UPDATE evergreen.inbox SET state = 'done', attempts = attempts + 1, done_at = now()
            FROM event WHERE inbox.seq = event.seq
        ),
        {writes}
        SELECT count(*) FROM event
    """.encode()


def _inserts() -> Iterator[str]:
    for name, kind in OBJECTS.items():
        yield _insert(kind.table, f"newest WHERE type = '{name}'")
    for kind, children in _CHILDREN:
        yield _insert(children.table, f"{_elements(children)} WHERE type = '{kind.name}'")
    known = ", ".join(f"'{name}'" for name in OBJECTS)
    yield _insert(OTHER.table, f"newest WHERE type NOT IN ({known})")


def _elements(children: Children) -> str:
    listed = f"parent.data #> '{{{_LISTS[children.table.name]},data}}'"
    return f"newest AS parent, jsonb_array_elements({listed}) AS data"


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
