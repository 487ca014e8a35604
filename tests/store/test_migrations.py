"""The schema that migrations make is the schema that the code speaks to."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from migrations.tables import METADATA
from sync.store.engine import make_engine
from sync.store.migrate import is_current, upgrade


def test_migrations_and_code_agree_on_every_table(engine: Engine) -> None:
    options = {"include_schemas": True, "version_table_schema": "evergreen"}
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts=options)

        assert compare_metadata(context, METADATA) == []


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    engine = make_engine(empty_database_url)
    try:
        upgrade(engine)
        with engine.connect() as conn:
            assert is_current(conn)
        upgrade(engine)
    finally:
        engine.dispose()


def test_a_payload_is_stored_without_being_compressed(engine: Engine) -> None:
    storage = text(
        "SELECT attstorage FROM pg_attribute"
        " WHERE attrelid = 'evergreen.inbox'::regclass AND attname = 'payload'",
    )
    with engine.connect() as conn:
        assert conn.execute(storage).scalar_one() == "e"
