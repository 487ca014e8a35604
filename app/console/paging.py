"""Long lists, newest first, a page at a time, at a cost that does not grow with the table.

Every page begins where the last one ended (no offset), along an index. A filter that no index
serves looks through the next `WINDOW` rows only, says so, and goes on from there when asked.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, literal, select, tuple_

from sync.errors import Malformed

SIZE = 50
WINDOW = 20_000

# (column, comparison, value): kept rows are those for which the comparison holds.
Filter = tuple[str, Callable[[Any, Any], Any], Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of rows. `older` is the next one's token, None at the end.

    `is_cut` says that the search stopped after `WINDOW` rows, not for want of more.
    """

    rows: Sequence[RowMapping]
    older: str | None
    is_cut: bool = False


def read_slice(
    conn: Connection,
    rows: Select[Any],
    keys: Sequence[str],
    *,
    before: str | None,
    filters: Sequence[Filter] = (),
) -> Slice:
    """Return the page of `rows` that begins after the token `before`, the greatest keys first.

    `keys` name selected columns that are never null and unique together; an index on them,
    and on what `rows` itself asks for, makes this quick.

    Raises:
        Malformed: `before` is no token of this list.
    """
    columns = [rows.selected_columns[key] for key in keys]
    if before:
        typed = zip(_decoded(before, columns), columns, strict=True)
        rows = rows.where(tuple_(*columns) < tuple_(*(literal(v, c.type) for v, c in typed)))
    rows = rows.order_by(*(column.desc() for column in columns))
    window = rows.limit(WINDOW if filters else SIZE + 1).subquery("searched")
    kept = select(window).where(*(compare(window.c[name], v) for name, compare, v in filters))
    newest = kept.order_by(*(window.c[key].desc() for key in keys)).limit(SIZE + 1)
    found = conn.execute(newest).mappings().all()
    if len(found) > SIZE:
        return Slice(found[:SIZE], _encoded(found[SIZE - 1], keys))
    last = conn.execute(rows.offset(WINDOW - 1).limit(1)).mappings().first() if filters else None
    return Slice(found, _encoded(last, keys) if last else None, is_cut=last is not None)


def _encoded(row: RowMapping, keys: Sequence[str]) -> str:
    values = [row[key] for key in keys]
    return json.dumps([v.isoformat() if isinstance(v, datetime) else v for v in values])


def _decoded(token: str, columns: Sequence[Any]) -> list[Any]:
    try:
        values = json.loads(token)
        return [_typed(v, column) for v, column in zip(values, columns, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed("this is no page of this list") from error


def _typed(value: object, column: Any) -> object:
    wanted = column.type.python_type
    if wanted is datetime and isinstance(value, str):
        value = datetime.fromisoformat(value)
    if type(value) is not wanted or (isinstance(value, int) and abs(value) >= 2**63):
        raise TypeError
    return value
