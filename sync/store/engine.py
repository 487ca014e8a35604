"""The one way to PostgreSQL: engine, timeouts and the two metadata schemas."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import psycopg
from psycopg.pq import Format
from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

# Stripe's objects live in schema `stripe`, our own tables in `evergreen`.
METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    },
)
STRIPE = "stripe"
EVERGREEN = "evergreen"

# Of an error in a pipeline it would log the row's own values; the error is raised all the same.
logging.getLogger("psycopg").setLevel(logging.ERROR)

# For a SELECT list. What such a transaction does can be done again from the inbox or from
# Stripe, and whatever follows from it is committed after it: so nobody need wait here until
# the disk has it.
NO_WAIT = "set_config('synchronous_commit', 'off', true)"

# A frozen worker must not hold an object for ever: the server ends its transaction, which
# takes back everything it did. Heroku drops idle connections silently, hence keepalives.
_SERVER_TIMEOUTS = (
    "-c statement_timeout={statement_ms} -c lock_timeout=15000"
    " -c idle_in_transaction_session_timeout=30000 -c TimeZone=UTC"
    # A database user called evergreen would otherwise have our schema as its default one.
    " -c search_path=public"
)


@contextmanager
def pipelined(conn: Connection) -> Iterator[None]:
    """Send the block's statements without waiting for any: none of them may return rows.

    The server works on one while we make the next.

    Raises:
        sqlalchemy.exc.DBAPIError: one of them failed; at the latest when the block ends.
    """
    raw = conn.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    try:
        with raw.pipeline():
            yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


def database_url(url: str) -> URL:
    """Return `url` for SQLAlchemy; `postgres://` and `postgresql://` become psycopg's.

    Raises:
        sqlalchemy.exc.ArgumentError: `url` is not a database address at all.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def make_engine(
    url: str, *, pool_size: int = 4, statement_ms: int = 20_000, ping: bool = True
) -> Engine:
    """Return an engine that has not connected yet.

    Parameters never show in errors, since they hold customers' data. `ping` asks a pooled
    connection whether it still lives before each use; who repeats work anyway needs no asking.
    """
    engine = create_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=ping,
        hide_parameters=True,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": 5,
            "options": _SERVER_TIMEOUTS.format(statement_ms=statement_ms),
            "application_name": "evergreen",
            "keepalives_idle": 30,
            "tcp_user_timeout": 30_000,
        },
    )
    event.listen(engine, "before_cursor_execute", _choose_format)
    return engine


def _choose_format(
    _conn: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    """Fetch in binary what says so: bytes travel as they are, not as twice as much text."""
    if context and context.execution_options.get("binary"):
        cursor.format = Format.BINARY


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
