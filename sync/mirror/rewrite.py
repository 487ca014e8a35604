"""Typed columns anew, from the `data` that stands beside them; the rest of a row stays.

Whoever calls this holds the lanes of the objects (`sync.store.lanes`).
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    Connection,
    RowMapping,
    Table,
    Text,
    TextClause,
    any_,
    bindparam,
    cast,
    delete,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql

from sync.mirror.objects import OTHER
from sync.mirror.tables import Children, Json, MirroredObject, Row
from sync.mirror.upsert import replace_children, upsert

Key = tuple[str, ...]

# What a table holds beside its key and the typed columns: never rewritten here.
_STAYS = frozenset(
    "livemode data as_of as_of_event_id source provisional undecided deleted_at".split()
)
_HANDED_DOWN = _STAYS - {"data"} | {"account"}


def rewrite(conn: Connection, kind: MirroredObject, keys: Collection[Key]) -> int:
    """Derive the typed columns and the children of these rows anew.

    Returns how many rows changed, children included: rewritten, added or removed.
    """
    rows = _locked(conn, kind.table, keys)
    derived = [
        {**row, **kind.project(row["data"]), "incomplete": kind.is_incomplete(row["data"])}
        for row in rows
    ]
    changed = _write_typed(conn, kind.table, derived)
    return changed + sum(_rewrite_children(conn, children, rows) for children in kind.children)


def move(conn: Connection, kind: MirroredObject, keys: Collection[Key]) -> int:
    """Bring these rows of `stripe.other_objects` to the table their type has by now.

    What is newer stays, and an object that is gone stays gone. Returns how many left.
    """
    strays = [row for row in _locked(conn, OTHER.table, keys) if row["object"] == kind.name]
    standing = {
        _key(kind.table, row): row
        for row in _locked(conn, kind.table, {_key(kind.table, row) for row in strays})
    }
    coming = [
        (_row_of(kind, stray), before["data"] if before else None)
        for stray in strays
        if _prevails(stray, before := standing.get(_key(kind.table, stray)))
    ]
    upsert(conn, kind.table, [row for row, _ in coming])
    for children in kind.children:
        replace_children(conn, children, coming)
    _remove(conn, OTHER.table, [_key(OTHER.table, stray) for stray in strays])
    return len(strays)


def _prevails(stray: RowMapping, standing: RowMapping | None) -> bool:
    if standing is None:
        return True
    if standing["deleted_at"] or stray["deleted_at"]:
        return standing["deleted_at"] is None
    return bool(stray["as_of"] > standing["as_of"])


def _row_of(kind: MirroredObject, stray: RowMapping) -> Row:
    data = stray["data"]
    # Among the others every `.deleted` event is an end for good; not so for every type.
    gone = stray["deleted_at"] if kind.deletable or stray["source"] == "api" else None
    return {
        "id": stray["id"],
        "account": stray["account"],
        **kind.project(data),
        **{name: stray[name] for name in _STAYS},
        "deleted_at": gone,
        "incomplete": kind.is_incomplete(data),
    }


def _rewrite_children(conn: Connection, children: Children, parents: Sequence[RowMapping]) -> int:
    standing = _children_of(conn, children, parents)
    new: list[Row] = []
    derived: list[Row] = []
    gone: list[Key] = []
    for parent in parents:
        mine = standing[parent["id"], parent["account"]]
        embedded = _embedded(children, parent)
        whole = children.complete(parent["data"])
        lost = {key for key in mine if whole and key not in embedded}
        gone += lost
        new += [row for key, row in embedded.items() if key not in mine]
        kept = [(key, data) for key, data in mine.items() if key not in lost]
        derived += [_child(children, key, data, parent["data"]) for key, data in kept]
    _remove(conn, children.table, gone)
    upsert(conn, children.table, new)
    return len(new) + len(gone) + _write_typed(conn, children.table, derived)


def _child(children: Children, key: Key, data: Json, parent: Json) -> Row:
    typed = {"incomplete": False, **children.project(data, parent)}
    return {**typed, **dict(zip(_key_names(children.table), key, strict=True))}


def _children_of(
    conn: Connection, children: Children, parents: Sequence[RowMapping]
) -> Mapping[tuple[str, str], Mapping[Key, Json]]:
    """Return the data of the children that stand, by their parent."""
    column = children.table.c
    parent = column[children.parent_column]
    found: dict[tuple[str, str], dict[Key, Json]] = defaultdict(dict)
    mine = parent == any_(cast([row["id"] for row in parents], postgresql.ARRAY(Text)))
    wanted = select(parent, column.account, column.data, *children.table.primary_key)
    for of, account, data, *key in conn.execute(wanted.where(mine).with_for_update()):
        found[of, account][tuple(key)] = data
    return found


def _embedded(children: Children, parent: RowMapping) -> dict[Key, Row]:
    handed_down = {name: parent[name] for name in _HANDED_DOWN}
    rows = [{**row, "incomplete": False, **handed_down} for row in children.rows(parent["data"])]
    return {_key(children.table, row): row for row in rows}


def _locked(conn: Connection, table: Table, keys: Collection[Key]) -> list[RowMapping]:
    """Return these rows, held until the transaction ends: nothing comes between read and write."""
    wanted = set(keys)
    ids = cast(sorted({key[0] for key in wanted}), postgresql.ARRAY(Text))
    needed = (table.c[name] for name in (*_key_names(table), *sorted(_STAYS)))
    rows = conn.execute(select(*needed).where(table.c.id == any_(ids)).with_for_update())
    return [row for row in rows.mappings() if _key(table, row) in wanted]


def _remove(conn: Connection, table: Table, keys: Sequence[Key]) -> None:
    if keys:
        conn.execute(delete(table).where(tuple_(*table.primary_key).in_(keys)))


def _key(table: Table, row: Mapping[Any, Any]) -> Key:
    return tuple(str(row[name]) for name in _key_names(table))


@cache
def _key_names(table: Table) -> tuple[str, ...]:
    return tuple(str(column.name) for column in table.primary_key)


def _write_typed(conn: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Write the typed columns of rows that stand; return how many differed."""
    if not rows:
        return 0
    names = (*_key_names(table), *_typed_names(table))
    lean = [{name: row.get(name) for name in names} for row in rows]
    return conn.execute(_statement(table), {"rows": orjson.dumps(lean).decode()}).rowcount


@cache
def _typed_names(table: Table) -> tuple[str, ...]:
    keys = _key_names(table)
    return tuple(str(c.name) for c in table.columns if c.name not in _STAYS and c.name not in keys)


@cache
def _statement(table: Table) -> TextClause:
    """Return the update of `table` from a JSON array of rows, where they differ."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    quoted = {c.name: dialect.identifier_preparer.quote(c.name) for c in table.columns}
    keys = [quoted[name] for name in _key_names(table)]
    values = [quoted[name] for name in _typed_names(table)]
    types = {quoted[c.name]: c.type.compile(dialect) for c in table.columns}
    shape = ", ".join(f"{name} {types[name]}" for name in (*keys, *values))
    same_key = " AND ".join(f"standing.{name} = incoming.{name}" for name in keys)
    before, after = (", ".join(f"{of}.{n}" for n in values) for of in ("standing", "incoming"))
    return text(
        f"UPDATE {table.fullname} AS standing SET ({', '.join(values)}) = ROW({after})"  # noqa: S608 — names come from our own tables
        f" FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS incoming({shape})"
        f" WHERE {same_key} AND ROW({before}) IS DISTINCT FROM ROW({after})",
    ).bindparams(bindparam("rows"))
