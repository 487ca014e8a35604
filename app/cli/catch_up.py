"""`evergreen catch-up`: the events that the webhook missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from app.cli.output import output_format, show_rows
from app.cli.stripe_side import Since, StripeSide, accounts_of, instant_of, stripe_side
from app.doorbell import Doorbell, connect
from app.envelope import delivery
from app.settings import Settings
from sync.mirror.catch_up import CatchUp, Step

_COLUMNS = ("account", "events", "missed", "until", "gap")
_GAPS = {
    "new": "no event of it ever came before; what it holds already:",
    "too_old": "more is missing than the 30 days that Stripe lists events for; what lies before:",
}


@click.command("catch-up")
@click.option("--since", type=Since(), help="From then on, rather than from the last time.")
@click.option("--account", metavar="acct_…", help="Only this connected account.")
@output_format
@click.pass_obj
def command(
    settings: Settings,
    *,
    since: datetime | timedelta | None,
    account: str | None,
    format_: str,
) -> None:
    """Ask Stripe for its events, and take in those that never came."""
    with stripe_side(settings) as side:
        now = side.clock.now()
        rows = [
            _caught_up(side, each, now, instant_of(since, now))
            for each in accounts_of(settings, account)
        ]
    if any(row["missed"] for row in rows):
        _ring(settings)
    show_rows(rows, format_, columns=_COLUMNS)
    gaps = [row for row in rows if row["gap"]]
    for row in gaps:
        name = row["account"] or "your account"
        click.echo(f"{name}: {_GAPS[row['gap']]} evergreen backfill", err=True)
    if gaps:
        raise click.exceptions.Exit(1)


def _caught_up(
    side: StripeSide, account: str, now: datetime, since: datetime | None
) -> dict[str, Any]:
    envelope = partial(delivery, livemode=side.settings.livemode)
    run = CatchUp(engine=side.engine, reads=side.reads, envelope=envelope, account=account)
    steps = list(run.steps(now, since))
    return {"account": account, **_summed(steps)}


def _summed(steps: Sequence[Step]) -> dict[str, Any]:
    return {
        "events": sum(step.events for step in steps),
        "missed": sum(step.missed for step in steps),
        "until": steps[-1].until if steps else None,
        "gap": next((step.gap for step in steps if step.gap), None),
    }


def _ring(settings: Settings) -> None:
    """Wake the workers; without Redis the clock's sweep does so a little later."""
    with connect(settings.redis_url) as client:
        doorbell = Doorbell(client)
        for lane in range(settings.lanes):
            doorbell.ring_events(lane)
