"""CSV that spreadsheets open and write: nothing in it runs as a formula, and it comes back whole.

Text that a spreadsheet would run gets an apostrophe before it, and so does text that begins with
an apostrophe; reading takes one off. Numbers stay bare, negative ones too.
"""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO, TypeVar

import click

Row = TypeVar("Row")
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARKED = (*_RUNS, "'")
_MISTAKES_SHOWN = 20
# A spreadsheet writes a mark before the first name, and perhaps a quotation mark after it.
ENCODING = "utf-8-sig"


def guarded(value: Any) -> Any:
    """Return a cell as it is written; see https://owasp.org/www-community/attacks/CSV_Injection."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(_MARKED) else text


def unguarded(cell: str | None) -> str:
    """Return what a cell stands for, without the white space around it."""
    text = cell or ""
    if text.startswith("'") and text[1:].startswith(_MARKED):
        return text[1:]
    return text.strip()


def write(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> None:
    """Print rows one by one, however many they are."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([guarded(value) for value in row])


def read(
    file: TextIO,
    columns: Sequence[str],
    parse: Callable[[Mapping[str, str]], Row],
    *,
    skip_bad: bool = False,
) -> Iterator[tuple[int, Row]]:
    """Yield each row with its line, as `parse` reads it; a blank one is passed over.

    All of the file is read, and then its mistakes are told; with `skip_bad` they are told and
    no error follows.

    Raises:
        click.UsageError: naming every line that is wrong. Take back what came before it.
    """
    rows = csv.DictReader(file, strict=True)
    names = {name.strip().lower(): name for name in _header(rows)}
    if missing := [name for name in columns if name not in names]:
        raise click.UsageError(f"the file lacks the column {', '.join(missing)}")
    mistakes: list[str] = []
    for line, row in _rows(rows):
        cells = {name: unguarded(row.get(header)) for name, header in names.items()}
        try:
            if any(cells.values()):
                yield line, parse(_fitting(row, cells))
        except ValueError as wrong:
            mistakes.append(f"line {line}: {wrong}")
    _tell(mistakes, skip_bad=skip_bad)


def _fitting(row: Mapping[str | None, Any], cells: Mapping[str, str]) -> Mapping[str, str]:
    if None in row:
        raise ValueError("it has more cells than the first line has names")
    return cells


def _header(rows: "csv.DictReader[str]") -> Sequence[str]:
    try:
        return rows.fieldnames or ()
    except (csv.Error, UnicodeDecodeError) as error:
        raise click.UsageError(f"the file is no CSV in UTF-8: {error}") from error


def _rows(rows: "csv.DictReader[str]") -> Iterator[tuple[int, dict[str | None, Any]]]:
    try:
        for row in rows:
            yield rows.line_num, dict(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise click.UsageError(
            f"line {rows.line_num + 1}: the file is no CSV in UTF-8: {error}"
        ) from error


def _tell(mistakes: Sequence[str], *, skip_bad: bool) -> None:
    shown = [*mistakes[:_MISTAKES_SHOWN]]
    if len(mistakes) > _MISTAKES_SHOWN:
        shown.append(f"… and {len(mistakes) - _MISTAKES_SHOWN} lines more")
    if mistakes and not skip_bad:
        raise click.UsageError("nothing was changed:\n" + "\n".join(shown))
    for each in shown:
        click.echo(f"skipped: {each}", err=True)


def whole(text: str, what: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`; raise ValueError for anything else."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(high)):
        raise ValueError(f"{text!r} is no {what}")
    if not low <= int(text) <= high:
        raise ValueError(f"{text!r} is no {what} from {low} to {high}")
    return int(text)


def name(text: str, what: str) -> str:
    """Return a name that can be kept; raise ValueError for an empty or impossible one."""
    if not text:
        raise ValueError(f"it names no {what}")
    if len(text) > 255 or not text.isprintable():  # noqa: PLR2004 — as long as an id of Stripe's
        raise ValueError(f"{text[:40]!r} is no name of a {what}")
    return text
