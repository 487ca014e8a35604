"""Rows of the mirror as code of old left them: the object whole, nothing typed."""

import random
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Table, insert

from tests.mirror.fold import Json, rows

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
# More than an index takes, and nothing in it that could be compressed.
TOO_LONG = random.Random(1).randbytes(12_000).hex()


def customer(number: int = 1, *, name: str = "Ann", **more: Any) -> Json:
    """Return a customer as Stripe renders one."""
    return {"id": f"cus_{number:05}", "object": "customer", "name": name, **more}


def keep(engine: Engine, table: Table, *objects: Json, **more: Any) -> None:
    """Put objects into a table with nothing typed but the key, as if code of old had."""
    shared = {"account": "", "livemode": False, "as_of": START, **more}
    with engine.begin() as conn:
        for each in objects:
            conn.execute(insert(table).values(id=each["id"], data=each, **shared))


def customers(engine: Engine, column: str) -> list[Any]:
    """Return a column of the customers, by id."""
    query = f"SELECT id, {column} FROM stripe.customers"
    return [value for _, value in rows(engine, query)]
