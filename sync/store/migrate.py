"""Alembic, driven from code: bring a database to the newest schema, or tell how far it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

_FOLDER = Path(__file__).resolve().parents[2] / "migrations"
# Two release processes at once take turns; the second finds nothing left to do.
_LOCK = text("SELECT pg_advisory_lock(hashtextextended('evergreen.migrate', 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended('evergreen.migrate', 0))")


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; a schema that is there already stays."""
    with engine.connect() as conn:
        conn.execute(_LOCK)
        conn.commit()
        try:
            command.upgrade(_config(conn), "head")
            conn.commit()
        finally:
            conn.rollback()
            conn.execute(_UNLOCK)
            conn.commit()


def is_current(conn: Connection) -> bool:
    """Tell whether the database stands at the newest revision of this code."""
    context = MigrationContext.configure(conn, opts={"version_table_schema": "evergreen"})
    return context.get_current_revision() == newest_revision()


def newest_revision() -> str | None:
    """Return the revision this code needs."""
    return ScriptDirectory(str(_FOLDER)).get_current_head()


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = conn
    return config
