"""`evergreen stock item`: how a SKU may be sold, and when to speak up."""

from typing import Any

import click
from sqlalchemy import select

from app.cli.output import output_format, show_fields, show_rows
from app.cli.shelves import connected, look_at, must_know
from app.settings import Settings
from sync.inventory import items as known_items
from sync.inventory.tables import POLICIES, STOCK_ITEM

_COLUMNS = ("sku", "track", "safety", "oos_at", "resume_at", "low_at", "policy")
_MOST = 10**9


@click.command()
@output_format
@click.pass_obj
def items(settings: Settings, *, format_: str) -> None:
    """Show every SKU with its thresholds."""
    with connected(settings) as conn:
        found = conn.execute(select(STOCK_ITEM).order_by(STOCK_ITEM.c.sku)).mappings()
        rows = [dict(row) for row in found]
    show_rows(rows, format_, columns=_COLUMNS)


@click.command()
@click.argument("sku")
@click.option("--track/--no-track", default=None, help="Untracked: no limit, no notice, no gate.")
@click.option("--safety", type=click.IntRange(0, _MOST), help="So many are never promised.")
@click.option("--oos-at", type=click.IntRange(-_MOST, _MOST), help="Sold out at or below.")
@click.option("--resume-at", type=click.IntRange(-_MOST, _MOST), help="On sale again from.")
@click.option("--low-at", type=click.IntRange(-_MOST, _MOST), help="Told as low at or below.")
@click.option("--never-low", is_flag=True, help="Never told as low.")
@click.option("--policy", type=click.Choice(POLICIES), help="How it may be sold.")
@output_format
@click.pass_obj
def item(settings: Settings, /, sku: str, *, never_low: bool, format_: str, **given: Any) -> None:
    """Show or change SKU's thresholds, in units at one location.

    always: sold beyond what is there, as a backorder. only_if_available: checkouts hold what is
    there. partial: a checkout gets what is left.
    """
    if never_low and given["low_at"] is not None:
        raise click.UsageError("--low-at and --never-low do not go together")
    changes = {name: value for name, value in given.items() if value is not None}
    changes |= {"low_at": None} if never_low else {}
    with connected(settings) as conn:
        must_know(conn, sku, None)
        before = known_items.load(conn, [sku])[sku]
        oos_at = changes.get("oos_at", before.oos_at)
        if changes.get("resume_at", before.resume_at) <= oos_at:
            raise click.UsageError(f"--resume-at must be above --oos-at, which is {oos_at}")
        after = known_items.change(conn, sku, changes)
        if changes:
            look_at(conn, settings, [sku])
    show_fields({name: getattr(after, name) for name in _COLUMNS}, format_)
