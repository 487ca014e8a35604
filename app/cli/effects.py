"""`evergreen effects`: what leaves the house, what waits, and what a person must decide."""

from typing import Any, get_args

import click
from sqlalchemy import Select, select

from app.cli.output import output_format, show_fields, show_rows
from app.cli.shelves import connected
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.changes import Channel
from sync.store import attempts, settling, sinks
from sync.store.outbox import OUTBOX, STATES, Lane
from sync.store.settling import Decision

_STATES = (*STATES, "blocked")
_COLUMNS = (
    OUTBOX.c.key,
    OUTBOX.c.channel,
    OUTBOX.c.sink,
    OUTBOX.c.kind,
    OUTBOX.c.customer_id,
    OUTBOX.c.due_at,
    sinks.SHOWN_STATE.label("state"),
    sinks.SHOWN_REASON.label("reason"),
    OUTBOX.c.attempts,
    OUTBOX.c.retry_at,
)
_DETAILS = (
    *_COLUMNS,
    OUTBOX.c.shape,
    OUTBOX.c.revision,
    OUTBOX.c.event_id,
    OUTBOX.c.remote_id,
    OUTBOX.c.first_sent_at,
    OUTBOX.c.ended_at,
)
_CHANNEL = click.option(
    "--channel", type=click.Choice(get_args(Channel)), help="Only what goes this way."
)
_SINK = click.option("--sink", help="Only what is for this sink, such as hubspot.")


@click.group()
def command() -> None:
    """List, show, settle and replay what leaves the house."""


@command.command("list")
@_CHANNEL
@_SINK
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@click.option("--kind", help="Only this kind, such as snapshot or payment_failed.")
@click.option("--customer", help="Only those about this customer id.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@output_format
@click.pass_obj
def list_(
    settings: Settings, /, *, state: str | None, limit: int, format_: str, **more: Any
) -> None:
    """List effects, those due last first; what waits for a sink at rest is `blocked`."""
    wanted = {
        OUTBOX.c.channel: more["channel"],
        OUTBOX.c.sink: more["sink"],
        OUTBOX.c.kind: more["kind"],
        OUTBOX.c.customer_id: more["customer"],
        sinks.SHOWN_STATE: state,
    }
    found: Select[Any] = select(*_COLUMNS).order_by(OUTBOX.c.due_at.desc(), OUTBOX.c.key)
    for column, value in wanted.items():
        found = found.where(column == value) if value else found
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(found.limit(limit)).mappings()]
    show_rows(rows, format_, columns=[column.name for column in _COLUMNS])


@command.command()
@click.argument("key")
@output_format
@click.pass_obj
def show(settings: Settings, key: str, format_: str) -> None:
    """Show the effect KEY, and what became of each attempt within the last 30 days."""
    with connected(settings) as conn:
        found = conn.execute(select(*_DETAILS).where(OUTBOX.c.key == key)).mappings().one_or_none()
        made = [dict(row) for row in attempts.of(conn, key)]
    if found is None:
        raise click.UsageError(f"no effect {key!r}; `evergreen effects list`")
    if format_ == "json":
        show_fields({**found, "history": made}, format_)
        return
    show_fields(dict(found), format_)
    click.echo()
    show_rows(made, format_, columns=attempts.COLUMNS)


@command.command()
@click.argument("key")
@click.option("--sent", "decision", flag_value="sent", help="It happened: the other side has it.")
@click.option("--retry", "decision", flag_value="retry", help="It did not happen: do it now.")
@click.option("--dismiss", "decision", flag_value="dismiss", help="Whatever happened: leave it.")
@click.pass_obj
def settle(settings: Settings, key: str, decision: Decision | None) -> None:
    """Say what became of the effect KEY, which may or may not have happened.

    Look at the other side first: the provider's log for a mail, the shop's own history for
    stock. --dismiss also ends an effect that failed.
    """
    if decision is None:
        raise click.UsageError("say --sent, --retry or --dismiss")
    with connected(settings) as conn:
        settled = settling.settle(conn, key, decision)
    if not settled:
        states = " or ".join(settling.ENDS[decision])
        raise click.ClickException(f"no effect {key!r} is {states}: see `evergreen effects list`")
    if decision == "retry":
        _ring(settings)
    click.echo(_SAID[decision])


_SAID = {
    "sent": "recorded as done",
    "retry": "due again, with the same key: it is done if it is still wanted",
    "dismiss": "dismissed; `evergreen effects replay` takes that back",
}


@command.command()
@click.argument("keys", nargs=-1)
@click.option("--state", type=click.Choice(settling.REPLAYED), help="All in this state.")
@_CHANNEL
@_SINK
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.pass_obj
def replay(settings: Settings, /, keys: tuple[str, ...], *, dry_run: bool, **wanted: Any) -> None:
    """Make effects that failed or were dismissed due again, each with the same key."""
    if not keys and not wanted["state"]:
        raise click.UsageError("name keys, or --state failed or dismissed")
    with connected(settings) as conn:
        known = _ended(conn.execute(_to_replay(keys, wanted)).all())
        if missing := sorted(set(keys) - set(known)):
            raise click.UsageError(f"neither failed nor dismissed: {', '.join(missing)}")
        count = len(known) if dry_run else settling.replay(conn, known)
    if count and not dry_run:
        _ring(settings)
    click.echo(f"{count} effects {'would be' if dry_run else 'are'} due again")


@command.command("sinks")
@click.option("--resume", help="End the rest of this one, written channel or channel:sink.")
@output_format
@click.pass_obj
def sinks_(settings: Settings, resume: str | None, format_: str) -> None:
    """Show the sinks at rest, until when and why; their effects wait as `blocked`."""
    with connected(settings) as conn:
        if resume:
            lane = Lane(*resume.split(":", 1))
            if not sinks.resume(conn, lane):
                raise click.UsageError(f"{resume} is not at rest")
        rows = [
            {**_named(each.lane), "reason": each.reason, "since": each.since, "until": each.until}
            for each in sinks.pauses(conn)
        ]
    if resume:
        _ring(settings)
    show_rows(rows, format_, columns=("channel", "sink", "reason", "since", "until"))


def _to_replay(keys: tuple[str, ...], wanted: dict[str, Any]) -> Select[Any]:
    found = select(OUTBOX.c.key).where(OUTBOX.c.state.in_(settling.REPLAYED))
    if keys:
        found = found.where(OUTBOX.c.key.in_(keys))
    for name, value in wanted.items():
        found = found.where(OUTBOX.c[name] == value) if value else found
    return found.order_by(OUTBOX.c.due_at, OUTBOX.c.key)


def _ended(rows: Any) -> list[str]:
    return [row.key for row in rows]


def _named(lane: Lane) -> dict[str, str]:
    return {"channel": lane.channel, "sink": lane.sink}


def _ring(settings: Settings) -> None:
    """Wake the worker; without Redis the clock's sweep does so a little later."""
    with connect(settings.redis_url) as client:
        Doorbell(client).ring_effects()
