"""`evergreen stock reservations`, `notices` and `gates`: what is held, told and closed."""

from typing import Any

import click
from sqlalchemy import select, text

from app.cli.output import output_format, show_rows
from app.cli.shelves import connected
from app.settings import Settings
from sync.inventory.tables import GATE, NOTICE, RESERVATION_STATES

_LIMIT = click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
_HELD = ("id", "state", "sku", "location", "quantity", "created_at", "expires_at", "ended_at")
_NOTICES = ("at", "kind", "sku", "location", "on_hand", "available")
_GATES = ("target", "target_id", "closed_by", "disabled", "since", "account")


@click.command()
@click.option("--state", type=click.Choice(RESERVATION_STATES), help="Only those in this state.")
@_LIMIT
@output_format
@click.pass_obj
def reservations(settings: Settings, *, state: str | None, limit: int, format_: str) -> None:
    """Show what checkouts hold or held, newest first."""
    _show(settings, _RESERVATIONS.bindparams(state=state, limit=limit), format_, _HELD)


@click.command()
@_LIMIT
@output_format
@click.pass_obj
def notices(settings: Settings, *, limit: int, format_: str) -> None:
    """Show what was told of shelves, newest first: low, sold out, oversold, back in stock."""
    _show(settings, select(NOTICE).order_by(NOTICE.c.id.desc()).limit(limit), format_, _NOTICES)


@click.command()
@click.option("--all", "all_", is_flag=True, help="Those that are open, too.")
@output_format
@click.pass_obj
def gates(settings: Settings, *, all_: bool, format_: str) -> None:
    """Show what is taken off sale at Stripe, by which prices, and whether we did it."""
    found = select(GATE).order_by(GATE.c.target, GATE.c.target_id)
    _show(settings, found if all_ else found.where(GATE.c.closed_by != []), format_, _GATES)


_RESERVATIONS = text("""
    SELECT held.id, held.state, item.sku, item.location, item.quantity,
           held.created_at, held.expires_at, held.ended_at
      FROM evergreen.stock_reservation AS held
      JOIN evergreen.stock_reservation_item AS item ON item.reservation = held.id
     WHERE CAST(:state AS text) IS NULL OR held.state = :state
     ORDER BY held.created_at DESC, held.id, item.sku, item.location LIMIT :limit""")


def _show(settings: Settings, found: Any, format_: str, columns: tuple[str, ...]) -> None:
    with connected(settings) as conn:
        rows = [dict(row) for row in conn.execute(found).mappings()]
    show_rows(rows, format_, columns=columns)
