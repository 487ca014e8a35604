"""`evergreen stock setup` and `reconcile`: vendors' names for our things, and what differs."""

from contextlib import ExitStack

import click
from sqlalchemy import Connection, select

from app.cli.output import output_format, show_rows
from app.cli.shelves import connected
from app.settings import Settings
from sync.changes import Outcome
from sync.errors import Unavailable
from sync.inventory import ledger, nightly, remote
from sync.inventory.sink import InventorySink
from sync.inventory.sinks import Opening, no_gate, open_sinks
from sync.inventory.sinks.shopify import ShopifySink
from sync.inventory.tables import REMOTE
from sync.store.engine import make_engine

_FINDINGS = ("sink", "level", "what", "hint")
_DIFFERENCES = ("sink", "sku", "location", "counter", "level", "ledger")


@click.command()
@click.option("--location", "locations", multiple=True, metavar="OURS=GID", help="Name a place.")
@output_format
@click.pass_obj
def setup(settings: Settings, *, locations: tuple[str, ...], format_: str) -> None:
    """Check the vendors of INVENTORY and find what they call our SKUs; safe to repeat."""
    named = dict(_pair(each) for each in locations)
    rows: list[dict[str, object]] = []
    with ExitStack() as opened, connected(settings) as conn:
        for name, sink in _sinks(settings, opened).items():
            rows += [
                {"sink": name, "level": each.level, "what": each.what, "hint": each.hint}
                for each in sink.setup()
            ]
            if isinstance(sink, ShopifySink):
                remote.keep(conn, name, "location", named)
                rows += _find_skus(conn, sink)
    show_rows(rows, format_, columns=_FINDINGS)
    if any(row["level"] == "wrong" for row in rows):
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--remote", "look", is_flag=True, help="Compare with the vendors' levels, too.")
@output_format
@click.pass_obj
def reconcile(settings: Settings, *, look: bool, format_: str) -> None:
    """Show where levels, ledger and vendors differ; nothing is changed by it.

    Exits with 1 when something differs. Recent invoices are converged again every night.
    """
    with ExitStack() as opened, connected(settings) as conn:
        rows: list[dict[str, object]] = [
            {
                "sink": "local",
                "sku": each.sku,
                "location": each.location,
                "counter": each.counter,
                "level": each.level,
                "ledger": each.ledger,
            }
            for each in nightly.differences(conn)
        ]
        if look:
            for name, sink in _sinks(settings, opened).items():
                if isinstance(sink, ShopifySink):
                    rows += _off_remote(conn, name, sink)
    show_rows(rows, format_, columns=_DIFFERENCES)
    if rows:
        raise click.exceptions.Exit(1)


def _sinks(settings: Settings, opened: ExitStack) -> dict[str, InventorySink]:
    engine = make_engine(settings.database_url)
    opened.callback(engine.dispose)
    opening = Opening(engine, settings.stock.vendors, no_gate, opened)
    return open_sinks(settings.stock.sinks, opening)


def _pair(text: str) -> tuple[str, str]:
    ours, _, theirs = text.partition("=")
    if not ours.strip() or not theirs.strip().startswith("gid://"):
        raise click.UsageError(f"{text!r} is no OURS=gid://shopify/Location/NUMBER")
    return ours.strip(), theirs.strip()


def _find_skus(conn: Connection, sink: ShopifySink) -> list[dict[str, object]]:
    column = REMOTE.c
    mine = select(column.name).where(column.sink == sink.name, column.kind == "sku")
    known = set(conn.execute(mine).scalars())
    found: list[dict[str, object]] = []
    for sku in ledger.known_skus(conn):
        if sku in known:
            continue
        item = sink.find(sku)
        if isinstance(item, str):
            remote.keep(conn, sink.name, "sku", {sku: item})
        wrong = getattr(item, "reason", "no variant has this SKU, or several have")
        level = "made" if isinstance(item, str) else "wrong"
        hint = item if isinstance(item, str) else wrong
        found.append({"sink": sink.name, "level": level, "what": sku, "hint": hint})
    return found


def _off_remote(conn: Connection, name: str, sink: ShopifySink) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for shelf, ours in remote.available(conn).items():
        theirs = sink.stands(*shelf)
        if isinstance(theirs, Outcome):
            raise Unavailable(f"{name} does not tell: {getattr(theirs, 'reason', '')}")
        if theirs in (None, ours):
            continue
        sku, location = shelf
        rows.append(
            {
                "sink": name,
                "sku": sku,
                "location": location,
                "counter": "available",
                "level": theirs,
                "ledger": ours,
            }
        )
    return rows
