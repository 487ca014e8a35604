"""Puts a delivery into the inbox: the door's one statement, with no more around it than needed.

The same insert through a SQLAlchemy connection costs the web process twice the CPU.
"""

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.deadline import Watch, hanging_up, lives
from app.pause import Pause
from sync.errors import Unavailable
from sync.store import inbox
from sync.store.inbox import Delivery, Stored

log = structlog.get_logger(__name__)

# Fewer than threads, which wait for each other's milliseconds: two processes, a worker and a
# clock stay below the 20 connections of the smallest plans.
_CONNECTIONS = 4
_QUEUE_S = 5.0
_PAUSE_S = 1.0
_AT_ONCE = {"isolation_level": "AUTOCOMMIT"}


class Shelf:
    """The inbox as the door sees it: there, or away for a moment."""

    def __init__(self, engine: Engine, watch: Watch, hold_s: float) -> None:
        """Take connections from `engine`; each delivery holds one for `hold_s` at most."""
        self._engine = engine
        self._watch = watch
        self._hold_s = hold_s
        self._idle: deque[Any] = deque()
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._pause = Pause(_PAUSE_S)
        self._insert = _insert_for(engine)

    def store(self, arrived: Delivery) -> Stored | None:
        """Commit `arrived`; None when that did not come about, or is not known to have."""
        if self._pause.is_on:
            return None
        try:
            return self._store(arrived)
        except (psycopg.Error, SQLAlchemyError, Unavailable) as error:
            self._pause.begin()
            log.error("webhook.not_stored", event_id=arrived.event_id, **_told(error))  # noqa: TRY400 — a trace for each of a thousand deliveries tells no more
            return None

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _store(self, arrived: Delivery) -> Stored:
        if not self._is_new(arrived):
            with self._engine.connect().execution_options(**_AT_ONCE) as conn:
                if inbox.count_repeat(conn, arrived):
                    log.warning("event.repeated_with_other_bytes", event_id=arrived.event_id)
            return "duplicate"
        if arrived.parked:
            log.warning("event.parked", event_id=arrived.event_id, reason=arrived.parked)
        return "parked" if arrived.parked else "stored"

    def _is_new(self, arrived: Delivery) -> bool:
        if not self._places.acquire(timeout=_QUEUE_S):
            raise Unavailable("every connection is in use")
        try:
            connection = self._take()
            with self._watch.limit(self._hold_s, hanging_up(connection)):
                kept = connection.execute(self._insert, inbox.row_of(arrived), prepare=True)
                is_new = kept.fetchone() is not None
            self._idle.append(connection)
        except psycopg.OperationalError:
            self.close()  # what is wrong with one is wrong with all
            raise
        finally:
            self._places.release()
        return is_new

    def _take(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if lives(connection):
                return connection
            connection.close()
        return self._open()

    def _open(self) -> Any:
        fairy = self._engine.raw_connection()
        connection: Any = fairy.dbapi_connection
        fairy.detach()
        connection.autocommit = True
        return connection


def _told(error: Exception) -> Mapping[str, str]:
    """Return what an operator must know; an error of the server's own may show the row."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    said = sqlstate or str(cause).strip().partition("\n")[0]
    return {"error": type(cause).__name__, "said": said}


def _insert_for(engine: Engine) -> str:
    """Return the inbox's own statement as the driver takes it."""
    columns = list(inbox.row_of(Delivery(event_id="", payload=b"")))
    return str(inbox.STORE.compile(dialect=engine.dialect, column_keys=columns))
