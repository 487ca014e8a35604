"""Statements sent without waiting: what goes wrong is told as by any other statement."""

import logging
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, OperationalError

from sync.store.engine import make_engine, pipelined

INSERT = text("INSERT INTO pg_temp.kept SELECT CAST(:value AS integer)")


def test_all_statements_of_a_pipeline_are_done_when_it_ends(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("CREATE TEMP TABLE kept (value integer)"))
        _insert(conn, ["1", "2", "3"])

        assert conn.execute(text("SELECT sum(value) FROM pg_temp.kept")).scalar() == 6


@pytest.mark.parametrize("after", [0, 5], ids=["last", "among-others"])
def test_a_statement_that_fails_in_a_pipeline_tells_why(
    engine: Engine, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.connect() as conn:
        conn.execute(text("CREATE TEMP TABLE kept (value integer)"))
        with pytest.raises(DataError), caplog.at_level(logging.INFO):
            _insert(conn, ["secret", *map(str, range(after))])
        conn.rollback()

        assert conn.execute(text("SELECT 1")).scalar() == 1
    assert "secret" not in caplog.text


def _insert(conn: Connection, values: Sequence[str]) -> None:
    with pipelined(conn):
        for value in values:
            conn.execute(INSERT, {"value": value})


def test_a_connection_that_broke_in_a_pipeline_is_not_used_again(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    unasked = make_engine(url, pool_size=1, ping=False)
    try:
        with pytest.raises(OperationalError), unasked.begin() as conn, pipelined(conn):
            conn.execute(text("DO $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END$$"))
        with unasked.connect() as conn:
            assert conn.execute(text("SELECT 1")).scalar() == 1
    finally:
        unasked.dispose()
