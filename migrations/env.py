"""Alembic's entry: runs the revisions on the connection that `sync.store.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, text

from migrations.tables import METADATA


def run(conn: Connection) -> None:
    """Run each pending revision in a transaction of its own, with a bounded wait for locks.

    A later revision may move many rows: what an earlier one locked must be free by then.
    """
    conn.execute(text("CREATE SCHEMA IF NOT EXISTS evergreen"))
    conn.execute(text("SET lock_timeout = '4s'"))
    conn.commit()
    context.configure(
        connection=conn,
        target_metadata=METADATA,
        include_schemas=True,
        version_table_schema="evergreen",
        version_table="alembic_version",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    conn.execute(text("RESET lock_timeout"))


run(context.config.attributes["connection"])
