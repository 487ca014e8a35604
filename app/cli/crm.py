"""`evergreen crm`: what the CRM sinks were told of each customer, and telling them again."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine, func, select

from app.cli.output import output_format, show_fields, show_rows
from app.cli.shelves import business_now, connected
from app.doorbell import Doorbell, connect
from app.settings import Settings
from sync.access.delivery import come_back
from sync.crm.planning import SNAPSHOT
from sync.crm.pushing import everybody, push
from sync.crm.sinks import open_sinks
from sync.crm.sinks.salesforce.setting_up import package
from sync.crm.sinks.salesforce.sink import VERSION
from sync.crm.tables import CRM_RECORD
from sync.store import settling, sinks
from sync.store.engine import make_engine
from sync.store.outbox import OUTBOX

_STATUS = ("sink", "state", "reason", "customers", "oldest_due_at", "last_settled_at")
_ACCOUNT = click.option("--account", default="", help="The connected account, acct_…")
_SINK = click.option("--sink", help="Only this sink, such as hubspot.")


@click.group()
def command() -> None:
    """Show what the CRM was told of customers, set it up, and tell it again."""


@command.command()
@click.argument("customer")
@output_format
@click.pass_obj
def show(settings: Settings, customer: str, *, format_: str) -> None:
    """Show the local record of CUSTOMER, a cus_… id."""
    record = CRM_RECORD.c
    found = select(record.version, record.updated_at, record.data)
    found = found.where(record.customer_id == customer).order_by(record.account)
    with connected(settings) as conn:
        row = conn.execute(found).first()
    if row is None:
        raise click.UsageError(f"no record of {customer!r}; see `evergreen crm status`")
    facts = {"version": row.version, "updated_at": row.updated_at}
    show_fields({**facts, **dict(sorted(row.data.items()))}, format_)


@command.command()
@_SINK
@output_format
@click.pass_obj
def status(settings: Settings, *, sink: str | None, format_: str) -> None:
    """Show how many customers each sink has been told of, and what still waits or failed."""
    chosen = _chosen(settings, sink) if sink else None
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(_by_sink(chosen)).mappings()]
    show_rows(rows, format_, columns=_STATUS)


@command.command()
@_SINK
@click.option(
    "--package",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only write the fields that Salesforce needs into this folder, to be deployed.",
)
@output_format
@click.pass_obj
def setup(settings: Settings, *, sink: str | None, folder: Path | None, format_: str) -> None:
    """Make the fields that each CRM must have, and tell what is missing; safe to repeat."""
    if folder is not None:
        _write_package(settings, folder)
        return
    with _engine(settings) as engine, ExitStack() as opened:
        names, vendors = _chosen(settings, sink), settings.customers.vendors
        ready = open_sinks(engine, names, vendors, opened=opened)
        found = [(name, each) for name, one in ready.items() for each in one.setup()]
    rows = [{"sink": n, "level": f.level, "what": f.what, "hint": f.hint} for n, f in found]
    show_rows(rows, format_, columns=("sink", "level", "what", "hint"))
    if any(each.level == "wrong" for _, each in found):
        raise click.exceptions.Exit(1)


@command.command("push")
@click.argument("customers", nargs=-1)
@click.option("--all", "all_of_them", is_flag=True, help="Everybody.")
@_SINK
@_ACCOUNT
@click.pass_obj
def push_(
    settings: Settings,
    customers: tuple[str, ...],
    *,
    all_of_them: bool,
    sink: str | None,
    account: str,
) -> None:
    """Tell the sinks of CUSTOMERS, cus_… ids, even where nothing has changed."""
    if bool(customers) == all_of_them:
        raise click.UsageError("name customers, or --all")
    names, asked, named = _chosen(settings, sink), 0, [(account, each) for each in customers]
    with _engine(settings) as engine:
        accounts = sorted(settings.effect_accounts)
        for keys in everybody(engine, accounts) if all_of_them else [named]:
            with engine.begin() as conn:
                known = push(conn, keys, business_now(conn, settings), names)
                if missing := [each for key in keys if key not in known for each in key[1:]]:
                    raise click.UsageError(f"the mirror has never heard of {', '.join(missing)}")
                if settings.customers.vendors.webhook and "webhook" in names:
                    come_back(conn, settings.customers.vendors.webhook)
            asked += len(keys)
    _ring(settings)
    click.echo(f"{', '.join(names)} will be told of {asked} customers")


@command.command()
@click.argument("customers", nargs=-1)
@_SINK
@click.pass_obj
def replay(settings: Settings, customers: tuple[str, ...], *, sink: str | None) -> None:
    """Try again what the sinks refused: all of it, or only of CUSTOMERS."""
    effect = OUTBOX.c
    wanted = select(effect.key).where(
        effect.channel == "crm",
        effect.state == "failed",
        effect.sink.in_([*_chosen(settings, sink), *([] if sink else [""])]),
    )
    if customers:
        wanted = wanted.where(effect.customer_id.in_(customers))
    with connected(settings) as conn:
        count = settling.replay(conn, list(conn.execute(wanted).scalars()))
    if count:
        _ring(settings)
    click.echo(f"{count} will be tried again")


def _by_sink(names: Sequence[str] | None) -> Any:
    effect = OUTBOX.c
    by = (effect.sink, sinks.SHOWN_STATE, sinks.SHOWN_REASON)
    found = select(
        effect.sink.label("sink"),
        sinks.SHOWN_STATE.label("state"),
        sinks.SHOWN_REASON.label("reason"),
        func.count().label("customers"),
        func.min(effect.due_at).label("oldest_due_at"),
        func.max(effect.settled_at).label("last_settled_at"),
    ).where(effect.channel == "crm", effect.kind == SNAPSHOT)
    found = found.where(effect.sink.in_(names)) if names else found
    return found.group_by(*by).order_by(*by)


def _chosen(settings: Settings, sink: str | None) -> list[str]:
    """Return the sinks that are meant; raise `click.UsageError` for one that is not set."""
    if sink is None:
        return list(settings.crm)
    if sink not in settings.crm:
        have = ", ".join(settings.crm) or "none"
        raise click.UsageError(f"CRM does not name {sink!r}; it names {have}")
    return [sink]


def _write_package(settings: Settings, folder: Path) -> None:
    files = package(settings.customers.vendors.naming("salesforce"), VERSION)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    click.echo(f"{len(files)} files in {folder}; deploy: sf project deploy start --metadata-dir")


@contextmanager
def _engine(settings: Settings) -> Iterator[Engine]:
    engine = make_engine(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def _ring(settings: Settings) -> None:
    """Wake the workers; without Redis the clock's sweep does so a little later."""
    with connect(settings.redis_url, timeout_s=2) as client:
        Doorbell(client).ring_effects()
