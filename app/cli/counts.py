"""What was counted on the shelves, as typed in or as a file tells it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TextIO

import click
from sqlalchemy import Connection, text

from app.cli import stock_csv
from sync.inventory import ledger
from sync.inventory.ledger import Booked, Count

MOST = 10**12
_CHUNK = 1_000


def typed(sku: str, location: str, on_hand: int) -> Count:
    """Return a count of a shelf; raise `click.UsageError` for a name that no file may have."""
    if not sku.strip() or not location.strip():
        raise click.UsageError("a SKU and a location need a name")
    try:
        names = stock_csv.name(sku.strip(), "SKU"), stock_csv.name(location.strip(), "location")
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    return Count(*names, on_hand)


def stage(
    conn: Connection, file: TextIO, location: str, *, lowest: int = 0, skip_bad: bool = False
) -> int:
    """Keep what a CSV with sku, on_hand and perhaps location says aside; return how many rows.

    However long the file is, it is not held in memory.

    Raises:
        click.UsageError: naming every line that is wrong; no shelf may come twice.
    """

    def parse(cells: Mapping[str, str]) -> Count:
        return Count(
            stock_csv.name(cells["sku"], "SKU"),
            stock_csv.name(cells.get("location") or location, "location"),
            stock_csv.whole(cells["on_hand"], "count", lowest, MOST),
        )

    conn.execute(_MAKE)
    rows = (
        {"line": line, "sku": each.sku, "location": each.location, "on_hand": each.on_hand}
        for line, each in stock_csv.read(file, ("sku", "on_hand"), parse, skip_bad=skip_bad)
    )
    while chunk := list(islice(rows, _CHUNK)):
        conn.execute(_KEEP, chunk)
    if twice := conn.execute(_TWICE).all():
        lines = [
            f"{row.sku} at {row.location} is counted twice: lines {row.lines}" for row in twice
        ]
        raise click.UsageError("nothing was changed:\n" + "\n".join(lines))
    return int(conn.execute(_HOW_MANY).scalar_one())


def book_staged(conn: Connection, now: datetime, *, opens: bool) -> Iterator[Sequence[Booked]]:
    """Book what was staged, in the order in which everybody takes shelves; yield it in parts.

    All SKUs are made known before the first shelf is locked, as sales do it.
    """
    conn.execute(_KNOW_SKUS)
    after = ("", "")
    while rows := conn.execute(_NEXT, {"sku": after[0], "location": after[1]}).all():
        after = (rows[-1].sku, rows[-1].location)
        yield ledger.count(conn, [Count(*row) for row in rows], now, opens=opens)


def staged_names(conn: Connection) -> tuple[list[str], list[str]]:
    """Return the SKUs and the locations that were staged and are not known yet, some of each."""
    return (
        list(conn.execute(_NEW_SKUS).scalars()),
        list(conn.execute(_NEW_LOCATIONS).scalars()),
    )


_MAKE = text("""
    CREATE TEMPORARY TABLE counted (
      line bigint NOT NULL, sku text NOT NULL, location text NOT NULL, on_hand bigint NOT NULL
    ) ON COMMIT DROP""")
_KEEP = text("INSERT INTO counted VALUES (:line, :sku, :location, :on_hand)")
_HOW_MANY = text("SELECT count(*) FROM counted")
_TWICE = text("""
    SELECT sku, location, string_agg(line::text, ', ' ORDER BY line) AS lines
      FROM counted GROUP BY sku, location HAVING count(*) > 1 ORDER BY sku, location LIMIT 20""")
_NEXT = text(f"""
    SELECT sku, location, on_hand FROM counted
     WHERE (sku COLLATE "C", location COLLATE "C") > (:sku COLLATE "C", :location COLLATE "C")
     ORDER BY sku COLLATE "C", location COLLATE "C" LIMIT {_CHUNK}""")  # noqa: S608 — a number of ours
_KNOW_SKUS = text("""
    INSERT INTO evergreen.stock_item (sku)
    SELECT sku FROM counted GROUP BY sku ORDER BY sku COLLATE "C" ON CONFLICT DO NOTHING""")
_NEW_SKUS = text("""
    SELECT DISTINCT sku FROM counted
     WHERE sku NOT IN (SELECT sku FROM evergreen.stock_item) ORDER BY sku LIMIT 20""")
_NEW_LOCATIONS = text("""
    SELECT DISTINCT location FROM counted
     WHERE location NOT IN (SELECT location FROM evergreen.stock_level)
     ORDER BY location LIMIT 20""")
