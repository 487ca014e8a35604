"""`evergreen db`: the schema."""

import click

from app.settings import Settings
from sync.mirror import reproject
from sync.store import migrate
from sync.store.engine import make_engine


@click.group()
def command() -> None:
    """Bring the database to this code's schema."""


@command.command()
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Run the migrations that are missing; safe to run again and at the same time."""
    engine = make_engine(settings.database_url, statement_ms=0)
    migrate.upgrade(engine)
    with engine.begin() as conn:
        reproject.note_empty(conn)
    engine.dispose()
    click.echo(f"the database is at revision {migrate.newest_revision()}")
