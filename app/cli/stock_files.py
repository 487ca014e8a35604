"""`evergreen stock import` and `export`: levels and the map as files of a spreadsheet."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TextIO

import click
from sqlalchemy import select

from app.cli import counts, sku_map, stock_csv
from app.cli.shelves import business_now, connected, tell_of
from app.settings import Settings
from sync.inventory.mapping import Component
from sync.inventory.tables import SKU_MAP, STOCK_LEVEL

_LEVELS = ("sku", "location", "on_hand", "reserved")
_MAP = ("source", "sku", "quantity", "location")
_MOST_OF_ONE = 999_999


@click.group("import")
def import_() -> None:
    """Take levels or the map from a CSV file: all of it, or nothing."""


@click.group()
def export() -> None:
    """Print levels or the map as CSV, to be imported again."""


@export.command("levels")
@click.pass_obj
def export_levels(settings: Settings) -> None:
    """Print every shelf."""
    level = STOCK_LEVEL.c
    found = select(*(level[name] for name in _LEVELS)).order_by(level.sku, level.location)
    with connected(settings) as conn:
        rows = conn.execute(found.execution_options(yield_per=1_000))
        stock_csv.write((tuple(row) for row in rows), _LEVELS)


@export.command("map")
@click.pass_obj
def export_map(settings: Settings) -> None:
    """Print what prices and products are mapped to, a line per SKU."""
    column = SKU_MAP.c
    found = select(SKU_MAP).order_by(
        column.price_id, column.product_id, column.sku, column.location
    )
    with connected(settings) as conn:
        rows = conn.execute(found.execution_options(yield_per=1_000))
        cells = (
            (row.price_id or row.product_id, row.sku, row.quantity, row.location) for row in rows
        )
        stock_csv.write(cells, _MAP)


@import_.command("levels")
@click.argument("file", type=click.File(encoding=stock_csv.ENCODING))
@click.option("--skip-bad", is_flag=True, help="Book the good lines, name the others.")
@click.option("--push", is_flag=True, help="Tell followers of first counts, too.")
@click.pass_obj
def import_levels(settings: Settings, file: TextIO, *, skip_bad: bool, push: bool) -> None:
    """Set shelves to FILE's sku,on_hand[,location], as `export levels` prints it (-: stdin).

    What is on hand may be below zero there; what is reserved is not taken over.
    """
    location = settings.stock.policy.location
    book_file(settings, file, location=location, skip_bad=skip_bad, push=push, lowest=-counts.MOST)


@import_.command("map")
@click.argument("file", type=click.File(encoding=stock_csv.ENCODING))
@click.option("--skip-bad", is_flag=True, help="Take the good lines, name the others.")
@click.option("--new", is_flag=True, help="Sources that are not mirrored yet are right.")
@click.pass_obj
def import_map(settings: Settings, file: TextIO, *, skip_bad: bool, new: bool) -> None:
    """Map FILE's source,sku[,quantity][,location]; a source's lines replace what it had."""

    def parse(cells: Mapping[str, str]) -> tuple[str, Component]:
        source = stock_csv.name(cells["source"], "price or product")
        quantity = cells.get("quantity") or "1"
        return source, Component(
            stock_csv.name(cells["sku"], "SKU"),
            stock_csv.whole(quantity, "quantity", 1, _MOST_OF_ONE),
            stock_csv.name(cells.get("location") or settings.stock.policy.location, "location"),
        )

    rows = [row for _, row in stock_csv.read(file, ("source", "sku"), parse, skip_bad=skip_bad)]
    by_source = groupby(sorted(rows), key=lambda row: row[0])
    with connected(settings) as conn:
        kept = [
            sku_map.keep(conn, settings, source, [each for _, each in found], new=new)
            for source, found in by_source
        ]
    click.echo(f"{len(kept)} mapped; {sum(kept)} waiting invoices will be booked")


def book_file(
    settings: Settings,
    file: TextIO,
    *,
    location: str,
    skip_bad: bool,
    push: bool,
    lowest: int = 0,
) -> None:
    """Book a file of counts in one transaction, whatever its length, and say what differed."""
    differed = 0
    with connected(settings) as conn:
        counted = counts.stage(conn, file, location, lowest=lowest, skip_bad=skip_bad)
        skus, locations = counts.staged_names(conn)
        say_what_is_new(skus, set(locations) - {location})
        for booked in counts.book_staged(conn, business_now(conn, settings), opens=not push):
            tell_of(conn, settings, booked)
            differed += len(booked)
    click.echo(f"{counted} counted, {differed} differed")


def say_what_is_new(skus: Iterable[str], locations: Iterable[str]) -> None:
    """Name SKUs and locations that begin here: one that is mistyped shows at once."""
    for what, names in (("SKU", sorted(skus)), ("location", sorted(locations))):
        if names:
            click.echo(f"new {what}: {', '.join(names)}", err=True)
