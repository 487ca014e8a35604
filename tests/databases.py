"""Databases for tests: made by copying one template, and used again once they are as new.

A copy costs ten times as much as emptying the few tables that a test has filled.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

_MOST_USES = 40  # rows that were deleted slow a table down
_GOES_S = 0.5
# Whoever is still there, or comes later, belongs to the test before.
_OTHERS = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# A test that made or dropped anything leaves another number of these.
_SHAPE = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped),
       (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),
       (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_namespace),
       (SELECT count(*) FROM pg_db_role_setting),
       -- What ANALYZE noted of rows long gone mars the plans for those to come.
       (SELECT count(*) FROM pg_statistic),
       (SELECT count(*) FROM pg_class WHERE reltuples > 0 AND relnamespace::regnamespace::text
                                            IN ('stripe', 'evergreen'))
"""
_TABLES = """
SELECT schemaname, tablename, pg_relation_size(format('%I.%I', schemaname, tablename)::regclass)
FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""
# What is deleted stays on its pages, and mars the plans of whoever comes next; yet to make new
# files for a table and all its indexes takes longer where there is little to be left.
_LARGE_BYTES = 16 * 1024
_DELETE, _TRUNCATE = sql.SQL("DELETE FROM {}"), sql.SQL("TRUNCATE {}")
_COUNTED = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""


def named(url: str, name: str) -> str:
    """Return the address of the database `name` on the server of `url`."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def admin(url: str) -> psycopg.Connection:
    """Return a connection that commits each statement."""
    return psycopg.connect(url, autocommit=True)


def drop(url: str, name: str) -> None:
    """Drop the database `name`, whoever still uses it."""
    with admin(url) as conn:
        conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@dataclass(slots=True)
class Databases:
    """Databases equal to `template`, one for each test at a time."""

    url: str
    template: str
    prefix: str
    _numbers: "count[int]" = field(default_factory=count)
    _free: list[str] = field(default_factory=list)
    _uses: dict[str, int] = field(default_factory=dict)
    _as_new: "_AsNew | None" = None

    def take(self) -> str:
        """Return the name of a database that nobody uses."""
        name = self._free.pop() if self._free else self._make()
        self._uses[name] = self._uses.get(name, 0) + 1
        return name

    def give_back(self, name: str) -> None:
        """Make `name` as new for the next test, or drop it where that cannot be."""
        if self._uses[name] < _MOST_USES and self._clean(name):
            self._free.append(name)
        else:
            drop(self.url, name)

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """Yield the address of a database of one's own."""
        name = self.take()
        yield named(self.url, name)
        self.give_back(name)

    def close(self) -> None:
        """Drop what is free."""
        while self._free:
            drop(self.url, self._free.pop())

    def _make(self) -> str:
        name = f"{self.prefix}_{next(self._numbers)}"
        with admin(self.url) as conn:
            # Three times as fast as by the log, where nothing waits for the disk.
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {self.template} STRATEGY FILE_COPY")
        if self._as_new is None:
            with admin(named(self.url, name)) as conn:
                self._as_new = _AsNew.read(conn)
        return name

    def _clean(self, name: str) -> bool:
        assert self._as_new is not None, "somebody took it"
        try:
            with admin(named(self.url, name)) as conn:
                conn.execute("SET lock_timeout = '2s'")
                return _alone(conn) and self._as_new.restore(conn)
        except psycopg.Error:
            return False


def _alone(conn: psycopg.Connection) -> bool:
    """Tell whether everybody else has gone; who was told to may need a moment."""
    until = time.monotonic() + _GOES_S
    while conn.execute(_OTHERS).rowcount:
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@dataclass(frozen=True, slots=True)
class _AsNew:
    """What a new database holds: its shape, and the rows of the few tables that have any."""

    shape: tuple[int, ...]
    filled: sql.Composed
    rows: Sequence[tuple[sql.Identifier, bytes]]

    @classmethod
    def read(cls, conn: psycopg.Connection) -> "_AsNew":
        tables = [sql.Identifier(*row[:2]) for row in conn.execute(_TABLES)]
        probe = sql.SQL("SELECT {at} WHERE EXISTS (SELECT FROM {table})")
        asked = [probe.format(at=at, table=table) for at, table in enumerate(tables)]
        filled = sql.SQL(" UNION ALL ").join(asked)
        rows = [
            (tables[at], _copied(conn, tables[at])) for (at,) in conn.execute(filled).fetchall()
        ]
        return cls(_shape(conn), filled, rows)

    def restore(self, conn: psycopg.Connection) -> bool:
        """Give `conn`'s database the rows of a new one; False where its shape has changed."""
        if _shape(conn) != self.shape:
            return False
        tables = [(sql.Identifier(*row[:2]), row[2]) for row in conn.execute(_TABLES)]
        with conn.transaction():
            # The ledgers refuse a deletion otherwise.
            conn.execute("SET LOCAL session_replication_role = replica")
            for (at,) in conn.execute(self.filled).fetchall():
                table, size_bytes = tables[at]
                empty = _DELETE if size_bytes < _LARGE_BYTES else _TRUNCATE
                conn.execute(empty.format(table))
            for table, content in self.rows:
                with conn.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                    copy.write(content)
            conn.execute(_COUNTED)
            conn.execute("SELECT pg_stat_reset()")
        return True


def _shape(conn: psycopg.Connection) -> tuple[int, ...]:
    return tuple(conn.execute(_SHAPE).fetchone() or ())


def _copied(conn: psycopg.Connection, table: sql.Identifier) -> bytes:
    with conn.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(table)) as copy:
        return b"".join(bytes(part) for part in copy)
