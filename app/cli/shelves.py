"""What the stock commands share: a connection, the names that exist, and asking for work."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click
from sqlalchemy import Connection, select

from app.settings import Settings
from sync.clock import reading
from sync.inventory import ledger
from sync.inventory.ledger import Booked
from sync.inventory.planning import invoice_effect
from sync.inventory.telling import Origin, look_again, tell
from sync.mirror.objects import invoice as invoices
from sync.store import outbox
from sync.store.engine import make_engine


def tell_of(conn: Connection, settings: Settings, booked: Sequence[Booked]) -> None:
    """Let everybody who follows the stock hear of what a person has booked."""
    origin = Origin(now=business_now(conn, settings), livemode=bool(settings.livemode))
    tell(conn, booked, settings.stock.policy, origin)


def look_at(conn: Connection, settings: Settings, skus: Sequence[str]) -> None:
    """Let the shelves and gates of `skus` be looked at by new rules."""
    origin = Origin(now=business_now(conn, settings), livemode=bool(settings.livemode))
    look_again(conn, skus, origin)


@contextmanager
def connected(settings: Settings) -> Iterator[Connection]:
    """Hold one transaction; an error takes back everything."""
    engine = make_engine(settings.database_url)
    try:
        with engine.begin() as conn:
            yield conn
    finally:
        engine.dispose()


def business_now(conn: Connection, settings: Settings) -> datetime:
    """Return the business instant: the simulated clock's where it is in use."""
    simulated = reading(conn) if settings.clock == "simulated" else None
    return simulated.now_at if simulated else datetime.now(UTC)


def must_know(conn: Connection, sku: str | None, location: str | None) -> None:
    """Raise `click.UsageError` for a SKU or location that nothing was ever booked under."""
    _must_be("SKU", sku, ledger.known_skus(conn) if sku else [])
    _must_be("location", location, ledger.known_locations(conn) if location else [])


def account_of(conn: Connection, invoice: str) -> str:
    """Return the account an invoice belongs to; raise `click.UsageError` for an unknown one."""
    table = invoices.TABLE.c
    account = conn.execute(select(table.account).where(table.id == invoice)).scalar()
    if account is None:
        raise click.UsageError(f"no invoice {invoice!r} is mirrored")
    return str(account)


def converge_later(
    conn: Connection, account: str, invoice_ids: Sequence[str], now: datetime
) -> None:
    """Ask the worker to bring invoices in line with the shelf; it comes within a minute."""
    livemode = _is_live(conn, account, invoice_ids)
    asked = [invoice_effect(account, each, now, livemode=livemode) for each in invoice_ids]
    outbox.add(conn, asked)


def _is_live(conn: Connection, account: str, invoice_ids: Sequence[str]) -> bool:
    table = invoices.TABLE.c
    mine = (table.id.in_(invoice_ids), table.account == account)
    return bool(conn.execute(select(table.livemode).where(*mine).limit(1)).scalar())


def _must_be(what: str, name: str | None, known: Sequence[str]) -> None:
    if not name or name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    known_names = f"known: {', '.join(known[:10])}" if known else "none is known yet"
    hint = f"did you mean {close[0]!r}?" if close else known_names
    raise click.UsageError(f"unknown {what} {name!r}; {hint}")
