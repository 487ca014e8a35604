"""`evergreen events`: what came in, and what became of it."""

import json
from typing import Any

import click
from sqlalchemy import select

from app.cli.output import output_format, show_rows
from app.cli.shelves import connected
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.store import inbox
from sync.store.inbox import INBOX

_COLUMNS = (
    INBOX.c.event_id,
    INBOX.c.type,
    INBOX.c.object_id,
    INBOX.c.created,
    INBOX.c.received_at,
    INBOX.c.state,
    INBOX.c.attempts,
    INBOX.c.deliveries,
    INBOX.c.last_error,
)
_DETAILS = (*_COLUMNS, INBOX.c.account, INBOX.c.livemode, INBOX.c.api_version, INBOX.c.done_at)


@click.group()
def command() -> None:
    """List, show and replay the events in the inbox."""


@command.command("list")
@click.option("--state", type=click.Choice(inbox.STATES), help="Only those in this state.")
@click.option("--type", "type_", help="Only this type, such as invoice.paid.")
@click.option("--object", "object_id", help="Only those about this object id.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@output_format
@click.pass_obj
def list_(
    settings: Settings,
    *,
    state: str | None,
    type_: str | None,
    object_id: str | None,
    limit: int,
    format_: str,
) -> None:
    """List events, newest first."""
    wanted = {INBOX.c.state: state, INBOX.c.type: type_, INBOX.c.object_id: object_id}
    found = select(*_COLUMNS).order_by(INBOX.c.seq.desc()).limit(limit)
    for column, value in wanted.items():
        found = found.where(column == value) if value else found
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(found).mappings()]
    show_rows(rows, format_, columns=[column.name for column in _COLUMNS])


@command.command()
@click.argument("event_id")
@click.pass_obj
def show(settings: Settings, event_id: str) -> None:
    """Show one event: its state and the payload as Stripe signed it."""
    found = select(*_DETAILS, INBOX.c.payload).where(INBOX.c.event_id == event_id)
    with connected(settings) as conn:
        rows = conn.execute(found).mappings().all()
    if not rows:
        raise click.UsageError(f"no event {event_id!r} ever came in; `evergreen events list`")
    for row in rows:  # the same id may have come from several accounts
        for column in _DETAILS:
            click.echo(f"{column.name:12} {_shown(row, column.name)}")
        click.echo(_pretty(row["payload"]))


@command.command()
@click.argument("event_ids", nargs=-1)
@click.option("--state", type=click.Choice(["parked", "dead"]), help="All in this state.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.pass_obj
def replay(
    settings: Settings, event_ids: tuple[str, ...], *, state: str | None, dry_run: bool
) -> None:
    """Make events pending again; safe, since the mirror takes any event any number of times."""
    if not event_ids and not state:
        raise click.UsageError("name event ids, or --state parked or dead")
    wanted = INBOX.c.event_id.in_(event_ids) | (INBOX.c.state == state)
    with connected(settings) as conn:
        states = dict(conn.execute(select(INBOX.c.event_id, INBOX.c.state).where(wanted)).all())
        if missing := set(event_ids) - set(states):
            raise click.UsageError(f"no such event: {', '.join(sorted(missing))}")
        ended = [event_id for event_id, found in states.items() if found != "pending"]
        if not dry_run:
            inbox.replay(conn, ended)
    if not dry_run:
        _ring(settings)
    click.echo(f"{len(ended)} events {'would be' if dry_run else 'are'} pending again")


def _ring(settings: Settings) -> None:
    """Wake the workers; without Redis the clock's sweep does so a little later."""
    with connect(settings.redis_url) as client:
        doorbell = Doorbell(client)
        for lane in range(settings.lanes):
            doorbell.ring_events(lane)


def _shown(row: Any, name: str) -> str:
    value = row[name]
    return "" if value is None else str(value)


def _pretty(payload: bytes) -> str:
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return repr(payload[:2000])
