"""Alembic's entry: runs the revisions on the connection that `sync.store.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, text

from migrations.tables import METADATA


def run(conn: Connection) -> None:
    """Run all pending revisions in one transaction, with a bounded wait for locks."""
    conn.execute(text("CREATE SCHEMA IF NOT EXISTS evergreen"))
    conn.execute(text("SET LOCAL lock_timeout = '4s'"))
    context.configure(
        connection=conn,
        target_metadata=METADATA,
        include_schemas=True,
        version_table_schema="evergreen",
        version_table="alembic_version",
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
