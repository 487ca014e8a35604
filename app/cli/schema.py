"""`evergreen schema`: the page on all tables, as this code has them."""

import click

from migrations.tables import METADATA
from sync.mirror.schema import page


@click.command()
def command() -> None:
    """Print the page on all tables: columns, types, indexes, and what they mean."""
    click.echo(page(METADATA), nl=False)
