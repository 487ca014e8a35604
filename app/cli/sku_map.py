"""`evergreen stock map`: what a price or product takes from the shelf, by the shop's own word."""

from collections.abc import Sequence

import click
from sqlalchemy import Connection, delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.cli import stock_csv
from app.cli.output import output_format, show_rows
from app.cli.shelves import business_now, connected, converge_later
from app.settings import Settings
from sync.errors import Malformed
from sync.inventory import ledger
from sync.inventory.mapping import Component, added_up, parse_bundle
from sync.inventory.tables import SKU_MAP, STOCK_LINE
from sync.mirror.objects import price as prices
from sync.mirror.objects import product as products

_COLUMNS = ("price_id", "product_id", "sku", "quantity", "location")


@click.group("map")
def command() -> None:
    """Say what a price or product takes from the shelf, above what its metadata says."""


@command.command("list")
@output_format
@click.pass_obj
def list_(settings: Settings, *, format_: str) -> None:
    """Show the map."""
    found = select(SKU_MAP).order_by(SKU_MAP.c.price_id, SKU_MAP.c.product_id, SKU_MAP.c.sku)
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(found).mappings()]
    show_rows(rows, format_, columns=_COLUMNS)


@command.command("set")
@click.argument("source")
@click.argument("bundle")
@click.option("--location", help="From where; else the settings' INVENTORY_LOCATION.")
@click.option("--new", is_flag=True, help="SOURCE is not mirrored yet, but right.")
@click.pass_obj
def set_(settings: Settings, source: str, bundle: str, *, location: str | None, new: bool) -> None:
    """Map SOURCE, a price or product id, to BUNDLE, such as MUG or COFFEE-250:2,MUG:1.

    It holds for new lines and for those still unmapped; `stock remap` rereads others.
    """
    try:
        components = parse_bundle(bundle, location or settings.stock.policy.location)
        for each in components:
            stock_csv.name(each.sku, "SKU")
            stock_csv.name(each.location, "location")
    except (Malformed, ValueError) as wrong:
        raise click.UsageError(str(wrong)) from wrong
    with connected(settings) as conn:
        woken = keep(conn, settings, source, components, new=new)
    click.echo(f"{source} takes {bundle}; {woken} waiting invoices will be booked")


@command.command()
@click.argument("source")
@click.pass_obj
def remove(settings: Settings, source: str) -> None:
    """Forget what SOURCE, a price or product id, is mapped to; lines already read keep it."""
    with connected(settings) as conn:
        named = or_(SKU_MAP.c.price_id == source, SKU_MAP.c.product_id == source)
        if not conn.execute(delete(SKU_MAP).where(named)).rowcount:
            raise click.UsageError(f"{source!r} is not in the map; see `evergreen stock map list`")
    click.echo(f"{source} is not mapped any more")


def _column_of(conn: Connection, source: str, *, new: bool) -> str:
    """Return whether `source` is a price or a product, as the mirror knows it."""
    for column, table in (("price_id", prices.TABLE), ("product_id", products.TABLE)):
        if conn.execute(select(table.c.id).where(table.c.id == source)).first():
            return column
    if not new:
        raise click.UsageError(f"no price or product {source!r} is mirrored; --new maps it anyway")
    return "price_id" if source.startswith(("price_", "plan_")) else "product_id"


def keep(
    conn: Connection, settings: Settings, source: str, components: Sequence[Component], *, new: bool
) -> int:
    """Map `source` to `components` from now on; return how many waiting invoices that wakes.

    Raises:
        click.UsageError: `source` is not mirrored and not said to be `new`.
    """
    column = _column_of(conn, source, new=new)
    conn.execute(delete(SKU_MAP).where(SKU_MAP.c[column] == source))
    rows = [
        {column: source, "sku": each.sku, "quantity": each.quantity, "location": each.location}
        for each in added_up(components)
    ]
    conn.execute(insert(SKU_MAP), rows)
    ledger.know_items(conn, [each.sku for each in components])
    return _wake(conn, settings, source)


def _wake(conn: Connection, settings: Settings, source: str) -> int:
    """Ask for the invoices with a line that this mapping may settle; return how many."""
    line = STOCK_LINE.c
    named = or_(line.price == source, line.product == source)
    waiting = select(line.account, line.invoice).where(line.settled.is_(False), named).distinct()
    by_account: dict[str, list[str]] = {}
    for account, invoice in conn.execute(waiting):
        by_account.setdefault(account, []).append(invoice)
    now = business_now(conn, settings)
    for account, invoices in by_account.items():
        converge_later(conn, account, invoices, now)
    return sum(map(len, by_account.values()))
