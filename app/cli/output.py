"""How every command shows rows: as a table for people, as JSON or CSV for programs."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, TypeVar
from unicodedata import category, east_asian_width

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
Rows = Sequence[Mapping[str, Any]]

FORMATS = ("table", "json", "csv")
# A cell that begins like this is run as a formula when a spreadsheet opens the file; see
# https://owasp.org/www-community/attacks/CSV_Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL_WIDTH = 60
_NO_WIDTH = {"Mn": 0, "Me": 0, "Cf": 0}


def output_format(command: _Command) -> _Command:
    """Give a command the option `--format`, which it gets as `format_`."""
    option = click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print.",
    )
    return option(command)


def show_rows(rows: Rows, format_: str, *, columns: Sequence[str]) -> None:
    """Print `columns` of `rows`; nothing found is said on standard error, not among the rows."""
    click.echo(_PRINTERS[format_](rows, columns), nl=False)
    if not rows:
        click.echo("nothing found", err=True)


def show_fields(fields: Mapping[str, Any], format_: str) -> None:
    """Print one thing: a line per field, or as JSON or CSV one row."""
    if format_ == "table":
        rows = [{"field": name, "value": value} for name, value in fields.items()]
        show_rows(rows, format_, columns=["field", "value"])
    else:
        show_rows([fields], format_, columns=list(fields))


def as_table(rows: Rows, columns: Sequence[str]) -> str:
    """Return an aligned table; numbers stand right, long cells are cut."""
    cells = [[_short(_plain(row.get(name))) for name in columns] for row in rows]
    widths = [max(map(_width, each)) for each in zip(columns, *cells, strict=True)]
    numeric = [_is_numeric(rows, name) for name in columns]
    lines = [_aligned(columns, widths, numeric), "  ".join("-" * width for width in widths)]
    return _joined(lines + [_aligned(each, widths, numeric) for each in cells])


def as_json(rows: Rows, columns: Sequence[str]) -> str:
    """Return a JSON array of objects; times in ISO 8601, everything else as it is."""
    chosen = [{name: row.get(name) for name in columns} for row in rows]
    return json.dumps(chosen, default=_plain, ensure_ascii=False, indent=2) + "\n"


def as_csv(rows: Rows, columns: Sequence[str]) -> str:
    """Return CSV with a header; text that would run as a formula gets an apostrophe before it."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_harmless(row.get(name)) for name in columns] for row in rows)
    return written.getvalue()


_PRINTERS: Mapping[str, Callable[[Rows, Sequence[str]], str]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)


def _harmless(value: Any) -> Any:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    text = _plain(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _short(text: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= _CELL_WIDTH else f"{line[: _CELL_WIDTH - 1]}…"


def _width(text: str) -> int:
    """Return how many columns a terminal needs: Thai marks take none, wide letters two."""
    return sum(_NO_WIDTH.get(category(c), 2 if east_asian_width(c) in "WF" else 1) for c in text)


def _is_numeric(rows: Rows, name: str) -> bool:
    values = [row[name] for row in rows if row.get(name) is not None]
    return bool(values) and all(type(value) is int for value in values)


def _aligned(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = []
    for cell, width, right in zip(cells, widths, numeric, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if right else cell + space)
    return "  ".join(padded).rstrip()


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
