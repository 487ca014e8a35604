"""The one way to PostgreSQL: engine, timeouts and the two metadata schemas."""

from typing import Any

import orjson
from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.engine import URL, make_url

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

# A frozen worker must not hold an object for ever: the server ends its transaction, which
# takes back everything it did. Heroku drops idle connections silently, hence keepalives.
_SERVER_TIMEOUTS = (
    "-c statement_timeout={statement_ms} -c lock_timeout=15000"
    " -c idle_in_transaction_session_timeout=30000 -c TimeZone=UTC"
    # A database user called evergreen would otherwise have our schema as its default one.
    " -c search_path=public"
)


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
    return create_engine(
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


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
