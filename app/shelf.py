"""Puts deliveries into the inbox: the door's one statement, with no more around it than needed.

What waits at one moment goes together: one statement, one commit, one flush of the disk. The
same insert through a SQLAlchemy connection costs the web process twice the CPU.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import psycopg
import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.deadline import Watch, hanging_up, lives
from app.group_commit import Fate, GroupCommit
from app.pause import Pause
from sync.errors import Unavailable
from sync.store import inbox
from sync.store.inbox import INBOX, Delivery, Stored

log = structlog.get_logger(__name__)

_PAUSE_S = 1.0
_AT_ONCE = {"isolation_level": "AUTOCOMMIT"}
_COLUMNS = tuple(inbox.row_of(Delivery(event_id="", payload=b"")))
# What one delivery may bring upon its group: each is tried again alone.
_OF_ONE = (psycopg.DataError, psycopg.IntegrityError, DeadlockDetected)


class Shelf:
    """The inbox as the door sees it: there, or away for a moment."""

    def __init__(self, engine: Engine, watch: Watch, hold_s: float) -> None:
        """Take one connection from `engine`; a commit holds it for `hold_s` at most."""
        self._engine = engine
        self._watch = watch
        self._hold_s = hold_s
        self._pause = Pause(_PAUSE_S)
        self._commits = GroupCommit(self._commit)
        self._connection: Any = None

    def store(self, arrived: Delivery) -> Stored | None:
        """Commit `arrived`; None when that did not come about, or is not known to have."""
        if self._pause.is_on:
            return None
        fate = self._commits.add(arrived)
        if fate is False:
            fate = self._repeat(arrived)
        if isinstance(fate, Exception):
            log.error("webhook.not_stored", event_id=arrived.event_id, **_told(fate))
            return None
        if not fate:
            return "duplicate"
        if arrived.parked:
            log.warning("event.parked", event_id=arrived.event_id, reason=arrived.parked)
        return "parked" if arrived.parked else "stored"

    def close(self) -> None:
        """Close the connection; the next delivery opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _repeat(self, arrived: Delivery) -> Fate:
        """Count a known event, whose bytes may be other ones this time."""
        try:
            with self._engine.connect().execution_options(**_AT_ONCE) as conn:
                has_other_bytes = inbox.count_repeat(conn, arrived)
        except SQLAlchemyError as error:
            self._pause.begin()
            return error
        if has_other_bytes:
            log.warning("event.repeated_with_other_bytes", event_id=arrived.event_id)
        return False

    def _commit(self, deliveries: Sequence[Delivery]) -> Sequence[Fate]:
        if self._pause.is_on:
            return [Unavailable("the database is away")] * len(deliveries)
        try:
            return self._insert(deliveries)
        except _OF_ONE as error:
            if len(deliveries) == 1:
                return [error]
            return [fate for each in deliveries for fate in self._commit([each])]
        except (psycopg.Error, SQLAlchemyError) as error:
            self._pause.begin()
            self.close()
            return [error] * len(deliveries)

    def _insert(self, deliveries: Sequence[Delivery]) -> Sequence[Fate]:
        connection = self._living()
        # Always in the same order: two processes that wait for each other's rows would never end.
        rows = sorted(map(inbox.row_of, deliveries), key=_key)
        values = [value for row in rows for value in row.values()]
        with self._watch.limit(self._hold_s, hanging_up(connection)):
            cursor = psycopg.RawCursor(connection)
            cursor.execute(_statement(len(rows)), values, prepare=True)
            new = dict.fromkeys(cursor.fetchall(), True)
        # Of two with one id the first is new.
        return [new.pop((each.event_id, each.account), False) for each in deliveries]

    def _living(self) -> Any:
        if self._connection and not lives(self._connection):
            self.close()
        if not self._connection:
            fairy = self._engine.raw_connection()
            self._connection = fairy.dbapi_connection
            fairy.detach()
            self._connection.autocommit = True
        return self._connection


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["event_id"], row["account"]


@cache
def _statement(count: int) -> bytes:
    """Return the insert of `count` rows, which returns the keys of those that are new."""
    width = len(_COLUMNS)
    rows = [
        ", ".join(f"${number}" for number in range(first, first + width))
        for first in range(1, count * width + 1, width)
    ]
    return (
        f"INSERT INTO {INBOX.fullname} ({', '.join(_COLUMNS)})"  # noqa: S608 — names of our table
        f" VALUES ({'), ('.join(rows)})"
        " ON CONFLICT DO NOTHING RETURNING event_id, account"
    ).encode()


def _told(error: Exception) -> Mapping[str, str]:
    """Return what an operator must know; an error of the server's own may show the row."""
    cause = getattr(error, "orig", None) or error
    sqlstate = getattr(cause, "sqlstate", None)
    said = sqlstate or str(cause).strip().partition("\n")[0]
    return {"error": type(cause).__name__, "said": said}
