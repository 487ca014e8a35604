"""`evergreen mail unknown` and `mail settle`: mails of which nobody knows whether they left."""

import click

from app.cli.output import output_format, show_rows
from app.settings import Settings
from notifications import unclear
from sync.store.engine import make_engine


@click.command("unknown")
@click.option("--limit", type=click.IntRange(1, 10_000), default=200, show_default=True)
@output_format
@click.pass_obj
def unknown(settings: Settings, limit: int, format_: str) -> None:
    """List the mails that may or may not have gone out; none is sent again by itself."""
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as conn:
            rows = unclear.listed(conn, limit)
    finally:
        engine.dispose()
    show_rows([dict(row) for row in rows], format_, columns=unclear.COLUMNS)


@click.command("settle")
@click.argument("key")
@click.option(
    "--sent/--not-sent",
    "sent",
    required=True,
    help="What the provider's log says: one of the two.",
)
@click.pass_obj
def settle(settings: Settings, key: str, *, sent: bool) -> None:
    """Say what became of the mail KEY. One that was not sent goes out if still wanted."""
    engine = make_engine(settings.database_url)
    try:
        with engine.begin() as conn:
            settled = unclear.settle(conn, key, sent=sent)
    finally:
        engine.dispose()
    if not settled:
        raise click.ClickException("no mail in doubt has this key: see `evergreen mail unknown`")
    click.echo("recorded as sent" if sent else "due again: it goes out if it is still wanted")
