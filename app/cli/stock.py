"""`evergreen stock`: what is on the shelf, how it got there, and what needs a person."""

from collections.abc import Sequence
from typing import Any, TextIO

import click
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from app.cli import counts, sku_map, stock_files, stock_items, stock_told, stock_vendors
from app.cli.output import output_format, show_rows
from app.cli.shelves import (
    account_of,
    business_now,
    connected,
    converge_later,
    must_know,
    tell_of,
)
from app.cli.stock_csv import ENCODING
from app.cli.stock_files import book_file, say_what_is_new
from app.settings import Settings
from sync.inventory import ledger, lines
from sync.inventory.tables import (
    DEFAULT_LOCATION,
    STOCK_LEVEL,
    STOCK_LINE,
    STOCK_MOVEMENT,
    STOCK_REVIEW,
    STOCK_SHIPPED,
)

_LEVEL_COLUMNS = ("sku", "location", "on_hand", "reserved", "oversold", "updated_at")
_UNMAPPED_COLUMNS = ("price", "product", "reason", "lines", "since")


@click.group()
def command() -> None:
    """Look at the stock, count it, map SKUs."""


command.add_command(sku_map.command)
command.add_command(stock_items.items)
command.add_command(stock_items.item)
command.add_command(stock_files.import_)
command.add_command(stock_files.export)
command.add_command(stock_vendors.setup)
command.add_command(stock_vendors.reconcile)
command.add_command(stock_told.reservations)
command.add_command(stock_told.notices)
command.add_command(stock_told.gates)


@command.command()
@click.option("--sku", help="Only this SKU.")
@click.option("--location", help="Only this location.")
@click.option("--oversold", is_flag=True, help="Only what was sold without being there.")
@output_format
@click.pass_obj
def levels(
    settings: Settings, *, sku: str | None, location: str | None, oversold: bool, format_: str
) -> None:
    """Show what is on hand; below zero: sold without being there."""
    level = STOCK_LEVEL.c
    found = select(STOCK_LEVEL, (level.on_hand < 0).label("oversold"))
    found = found.where(level.on_hand < 0) if oversold else found
    with connected(settings) as conn:
        must_know(conn, sku, location)
        rows = _of_shelf(conn, found.order_by(level.sku, level.location), level, sku, location)
    show_rows(rows, format_, columns=_LEVEL_COLUMNS)


@command.command()
@click.option("--sku", help="Only this SKU.")
@click.option("--location", help="Only this location.")
@click.option("--invoice", help="Only what this invoice moved.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
@output_format
@click.pass_obj
def movements(
    settings: Settings,
    *,
    sku: str | None,
    location: str | None,
    invoice: str | None,
    limit: int,
    format_: str,
) -> None:
    """Show the ledger, newest first."""
    moved = STOCK_MOVEMENT.c
    found = select(STOCK_MOVEMENT).order_by(moved.id.desc()).limit(limit)
    if invoice:
        found = found.where(moved.source_line.startswith(f"{invoice}:", autoescape=True))
    with connected(settings) as conn:
        must_know(conn, sku, location)
        rows = _of_shelf(conn, found, moved, sku, location)
    show_rows(rows, format_, columns=[column.name for column in STOCK_MOVEMENT.columns])


# A negative number is a wrong count, not an unknown option.
@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("sku", required=False)
@click.argument("on_hand", required=False, type=click.IntRange(0, counts.MOST))
@click.option("--location", help="Where; else the settings' INVENTORY_LOCATION.")
@click.option(
    "--csv", "file", type=click.File(encoding=ENCODING), help="A file of sku,on_hand[,location]."
)
@click.option("--skip-bad", is_flag=True, help="Book the good lines of a file, name the others.")
@click.option("--push", is_flag=True, help="Tell followers of first counts, too.")
@click.pass_obj
def count(
    settings: Settings,
    sku: str | None,
    on_hand: int | None,
    *,
    location: str | None,
    file: TextIO | None,
    skip_bad: bool,
    push: bool,
) -> None:
    """Set what is on hand to what was counted; a first count makes a SKU or location known.

    The difference is booked in the ledger. All of a file is booked, or nothing of it. A shelf's
    first count is not told to those who follow the stock: they know those goods already.
    """
    location = location or settings.stock.policy.location
    if file is not None and sku is None:
        book_file(settings, file, location=location, skip_bad=skip_bad, push=push)
        return
    if file is not None or sku is None or on_hand is None:
        raise click.UsageError("give a SKU and what was counted, or --csv FILE alone")
    with connected(settings) as conn:
        counted = counts.typed(sku, location, on_hand)
        known = {DEFAULT_LOCATION, location, *ledger.known_locations(conn)}
        say_what_is_new({counted.sku} - set(ledger.known_skus(conn)), {counted.location} - known)
        booked = ledger.count(conn, [counted], business_now(conn, settings), opens=not push)
        tell_of(conn, settings, booked)
    for movement in booked:
        click.echo(f"{movement.sku} at {movement.location}: {movement.delta:+}")
    click.echo(f"1 counted, {len(booked)} differed")


command.add_command(count, "set")


@command.command()
@output_format
@click.pass_obj
def unmapped(settings: Settings, *, format_: str) -> None:
    """Show what was sold without a SKU, by price, and why it could not be read."""
    line = STOCK_LINE.c
    by = (line.price, line.product, line.reason)
    found = (
        select(*by, func.count().label("lines"), func.min(line.seen_at).label("since"))
        .where(line.state == "unmapped")
        .group_by(*by)
        .order_by(func.count().desc(), *by)
    )
    _show_all(settings, found, format_, _UNMAPPED_COLUMNS)


@command.command()
@output_format
@click.pass_obj
def reviews(settings: Settings, *, format_: str) -> None:
    """Show the invoices whose refunds do not tell what became of the goods."""
    found = select(STOCK_REVIEW).order_by(STOCK_REVIEW.c.opened_at, STOCK_REVIEW.c.invoice)
    _show_all(settings, found, format_, ("invoice", "reason", "opened_at", "account"))


@command.command()
@click.argument("invoice")
@click.pass_obj
def ship(settings: Settings, invoice: str) -> None:
    """Say that an invoice's goods have left: a full refund alone brings them back no more."""
    with connected(settings) as conn:
        account, now = account_of(conn, invoice), business_now(conn, settings)
        row = {"account": account, "invoice": invoice, "shipped_at": now}
        conn.execute(insert(STOCK_SHIPPED).on_conflict_do_nothing(), row)
        converge_later(conn, account, [invoice], now)
    click.echo(f"{invoice} is shipped")


@command.command()
@click.argument("invoice")
@click.pass_obj
def remap(settings: Settings, invoice: str) -> None:
    """Read an invoice's lines anew by today's SKUs, and correct the stock by the difference."""
    with connected(settings) as conn:
        account = account_of(conn, invoice)
        read = lines.forget_map(conn, account, invoice)
        converge_later(conn, account, [invoice], business_now(conn, settings))
    click.echo(f"{read} lines of {invoice} will be read anew")


def _show_all(settings: Settings, found: Any, format_: str, columns: Sequence[str]) -> None:
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(found).mappings()]
    show_rows(rows, format_, columns=columns)


def _of_shelf(
    conn: Connection, found: Any, columns: Any, sku: str | None, location: str | None
) -> list[dict[str, Any]]:
    for column, value in ((columns.sku, sku), (columns.location, location)):
        found = found.where(column == value) if value else found
    return [dict(row) for row in conn.execute(found).mappings()]
