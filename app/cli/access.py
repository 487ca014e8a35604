"""`evergreen access`: who may use the service, and what the shop was told of it."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import click
from sqlalchemy import Connection, select

from app.cli.output import output_format, show_fields, show_rows
from app.cli.shelves import business_now, connected
from app.settings import Settings
from sync import access
from sync.access import STATES, State, facts
from sync.access.delivery import come_back, is_gone
from sync.access.listing import in_state
from sync.access.recording import note
from sync.access.tables import HISTORY
from sync.errors import SettingsError
from sync.mirror.objects import subscription
from sync.store import outbox

_ACCOUNT = click.option("--account", default="", help="The connected account, acct_…")
_LIST = ("customer", "state", "since", "until", "reason", "account")
_STEPS = ("state", "since", "reason", "event_id", "recorded_at")
_CHUNK = 500


def stranger(customer: str) -> click.UsageError:
    """Return the error for a customer of whom nothing was ever heard."""
    hint = "" if customer.startswith("cus_") else "; a customer is named by an id, such as cus_…"
    return click.UsageError(f"the mirror has never heard of {customer!r}{hint}")


@click.group()
def command() -> None:
    """Show who may use the service, and tell the shop again."""


@command.command()
@click.argument("customer")
@_ACCOUNT
@output_format
@click.pass_obj
def show(settings: Settings, customer: str, *, account: str, format_: str) -> None:
    """Show where CUSTOMER, a cus_… id, stands now."""
    with connected(settings) as conn:
        now = business_now(conn, settings)
        found = access.load(conn, account, customer, now, settings.access)
    if found is None:
        raise stranger(customer)
    shown = ("state", "since", "until", "reason", "restored_by")
    show_fields({"customer": customer, **{name: getattr(found, name) for name in shown}}, format_)


@command.command()
@click.argument("customer")
@_ACCOUNT
@output_format
@click.pass_obj
def history(settings: Settings, customer: str, *, account: str, format_: str) -> None:
    """Show every step of CUSTOMER, oldest first."""
    steps = HISTORY.c
    whose = (steps.customer_id == customer, steps.account == account)
    with connected(settings) as conn:
        rows = conn.execute(select(HISTORY).where(*whose).order_by(steps.id)).mappings()
        found = [dict(row) for row in rows]
        known = found or facts.load(conn, [(account, customer)])
    if not known:
        raise stranger(customer)
    show_rows(found, format_, columns=_STEPS)


@command.command("list")
@click.option("--state", type=click.Choice(STATES), default="suspended", show_default=True)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@output_format
@click.pass_obj
def list_(settings: Settings, *, state: State, limit: int, format_: str) -> None:
    """List customers by where they stand now."""
    with connected(settings) as conn:
        now = business_now(conn, settings)
        found = islice(in_state(conn, state, now, settings.access), limit)
        rows = [_row(key, each) for key, each in found]
    show_rows(rows, format_, columns=_LIST)


@command.command()
@click.argument("customers", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="All who ever subscribed.")
@_ACCOUNT
@click.pass_obj
def push(settings: Settings, customers: tuple[str, ...], *, everybody: bool, account: str) -> None:
    """Tell the receiver where CUSTOMERS stand, even one that had said it is gone."""
    receiver = settings.access_webhook
    if receiver is None:
        raise SettingsError("ACCESS_WEBHOOK_URL is not set: nobody wants to be told")
    if bool(customers) == everybody:
        raise click.UsageError("name customers, or --all")
    with connected(settings) as conn:
        keys = _subscribed(conn, settings) if everybody else [(account, each) for each in customers]
        was_gone = is_gone(conn, receiver)
        come_back(conn, receiver)
    if was_gone:
        click.echo("the receiver had answered 410 (gone); it is asked again from now on", err=True)
    asked = sum(_ask(settings, keys[at : at + _CHUNK]) for at in range(0, len(keys), _CHUNK))
    click.echo(f"{asked} customers will be told")
    if missing := len(keys) - asked:
        raise click.UsageError(f"the mirror has never heard of {missing} of them")


def _row(key: facts.Key, found: access.Access) -> dict[str, Any]:
    shown = {name: getattr(found, name) for name in ("state", "since", "until", "reason")}
    return {"account": key[0], "customer": key[1], **shown}


def _subscribed(conn: Connection, settings: Settings) -> list[facts.Key]:
    table = subscription.TABLE.c
    ours = (table.account.in_(settings.effect_accounts), table.customer.is_not(None))
    rows = conn.execute(select(table.account, table.customer).where(*ours).distinct())
    return [(row.account, row.customer) for row in rows]


def _ask(settings: Settings, keys: Sequence[facts.Key]) -> int:
    """Ask for a delivery to each customer the mirror knows; return how many those are."""
    with connected(settings) as conn:
        effects = note(conn, keys, business_now(conn, settings), settings.access)
        outbox.add(conn, effects)
    return len(effects)
