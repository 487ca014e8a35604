"""A test's database is as new, also when another test had it before."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest

from tests.conftest import Shared
from tests.databases import Databases, admin, named

SKU = "INSERT INTO evergreen.sku_map (price_id, sku) VALUES ('price_1', 'MUG')"
MOVED = """
INSERT INTO evergreen.stock_movement
    (source_line, sku, location, revision, counter, delta, cause, level_after,
    created_at)
VALUES ('adj:1', 'MUG', 'main', 1, 'on_hand', 5, 'count', 5, now())
"""
TABLES = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname IN ('evergreen', 'stripe') ORDER BY 1
"""
COUNTERS = "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"


@pytest.fixture
def databases(shared: Shared, template: str) -> Iterator[Databases]:
    """Databases that no other test takes from."""
    databases = Databases(shared.database_url, template, f"{template}_{uuid4().hex[:8]}")
    yield databases
    databases.close()


def content(databases: Databases, name: str) -> list[object]:
    with admin(named(databases.url, name)) as conn:
        tables = [row[0] for row in conn.execute(TABLES)]
        rows = [conn.execute(f"SELECT * FROM {table}".encode()).fetchall() for table in tables]
        return [tables, rows, conn.execute(COUNTERS).fetchall()]


def use(databases: Databases, name: str, *statements: str) -> None:
    with admin(named(databases.url, name)) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def test_rows_of_a_test_before_are_gone_and_those_of_the_template_are_back(
    databases: Databases,
) -> None:
    first = databases.take()
    new = content(databases, first)
    use(databases, first, SKU, MOVED, "DELETE FROM evergreen.alembic_version")
    assert content(databases, first) != new
    databases.give_back(first)

    assert databases.take() == first
    assert content(databases, first) == new
    databases.give_back(first)


def leave_a_table(conn: psycopg.Connection) -> None:
    conn.execute("CREATE TABLE public.left_behind ()")


def drop_a_trigger(conn: psycopg.Connection) -> None:
    conn.execute("ALTER TABLE evergreen.stock_movement DISABLE TRIGGER ALL")


def drop_a_column(conn: psycopg.Connection) -> None:
    conn.execute("ALTER TABLE evergreen.outbox DROP COLUMN variant")


@pytest.mark.parametrize("spoil", [leave_a_table, drop_a_trigger, drop_a_column])
def test_a_database_of_another_shape_is_not_used_again(
    databases: Databases, spoil: Callable[[psycopg.Connection], None]
) -> None:
    first = databases.take()
    with admin(named(databases.url, first)) as conn:
        spoil(conn)
    databases.give_back(first)

    second = databases.take()
    assert second != first
    databases.give_back(second)


def test_a_database_that_somebody_still_uses_is_not_used_again(databases: Databases) -> None:
    first = databases.take()
    with admin(named(databases.url, first)):
        databases.give_back(first)

        assert databases.take() != first


def test_a_database_is_not_used_for_ever(databases: Databases) -> None:
    names = set()
    for _ in range(41):
        names.add(name := databases.take())
        databases.give_back(name)

    assert len(names) == 2
