"""`evergreen mail why`: one customer's story, with a reason for every mail not sent."""

from dataclasses import asdict

import click

from app.cli.access import stranger
from app.cli.output import output_format, show_rows
from app.settings import Settings
from notifications import why as stories
from notifications import why_rows
from sync.access import facts
from sync.store.engine import make_engine

_COLUMNS = ("at", "what", "name", "state", "reason", "detail")


@click.command("why")
@click.argument("customer")
@click.option("--account", default="", help="The customer's Stripe account, where it is another.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=500, show_default=True)
@click.option("--mails-only", is_flag=True, help="Leave out Stripe's events.")
@output_format
@click.pass_obj
def why(
    settings: Settings, *, customer: str, account: str, limit: int, mails_only: bool, format_: str
) -> None:
    """Tell the story of CUSTOMER (cus_…): events, mails sent and not sent, and why."""
    engine = make_engine(settings.database_url)
    try:
        with engine.connect() as conn:
            told = stories.story(why_rows.load(conn, account, customer, limit))
            known = told or facts.load(conn, [(account, customer)])
    finally:
        engine.dispose()
    if not known:
        raise stranger(customer)
    lines = [line for line in told if not (mails_only and line.what == "event")]
    show_rows([asdict(line) for line in lines], format_, columns=_COLUMNS)
