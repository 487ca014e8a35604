"""What was counted on the shelves, as typed in or as a file tells it."""

import csv
from collections.abc import Sequence
from typing import TextIO

import click

from sync.inventory.ledger import Count
from sync.inventory.tables import DEFAULT_LOCATION

MOST = 10**12


def typed(sku: str, location: str, on_hand: int) -> Count:
    """Return a count of a shelf; raise `click.UsageError` when it has no name."""
    if not sku.strip() or not location.strip():
        raise click.UsageError("a SKU and a location need a name")
    return Count(sku.strip(), location.strip(), on_hand)


def read(file: TextIO) -> list[Count]:
    """Return the counts in a CSV with the columns sku, on_hand and perhaps location.

    Raises:
        click.UsageError: naming every line that is wrong; no shelf may come twice.
    """
    rows = csv.DictReader(file)
    if missing := {"sku", "on_hand"} - set(rows.fieldnames or ()):
        raise click.UsageError(f"the file lacks the column {', '.join(sorted(missing))}")
    counts: list[Count] = []
    mistakes: list[str] = []
    for row in rows:
        try:
            counts.append(_count(row))
        except ValueError as wrong:
            mistakes.append(f"line {rows.line_num}: {wrong}")
    mistakes += _twice(counts)
    if mistakes:
        raise click.UsageError("nothing was booked:\n" + "\n".join(mistakes))
    return counts


def _count(row: dict[str, str | None]) -> Count:
    sku, on_hand = (row.get("sku") or "").strip(), (row.get("on_hand") or "").strip()
    if not sku:
        raise ValueError("it names no SKU")
    if not (on_hand.isascii() and on_hand.isdigit()) or int(on_hand) > MOST:
        raise ValueError(f"{on_hand!r} is no count from 0 up")
    return Count(sku, (row.get("location") or "").strip() or DEFAULT_LOCATION, int(on_hand))


def _twice(counts: Sequence[Count]) -> list[str]:
    shelves = [(each.sku, each.location) for each in counts]
    repeated = sorted({shelf for shelf in shelves if shelves.count(shelf) > 1})
    return [f"{sku} at {location} is counted twice" for sku, location in repeated]
