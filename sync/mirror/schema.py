"""The page on all tables, `docs/schema.md`, made from the code that defines them."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import CheckConstraint, Column, Index, MetaData, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.schema_notes import Notes, notes
from sync.mirror.tables import Children, MirroredObject, mirror_table
from sync.store.engine import EVERGREEN, STRIPE

_INTRODUCTION = """\
# All tables

Made from the code by `evergreen schema > docs/schema.md`; a test fails when it is out of date.
Stripe's objects live in schema `stripe`, our own tables in `evergreen`. Money stands in whole
minor units of its currency, times are `timestamptz`.
"""
_HEAD = ("column", "type", "null", "key", "")
_SHORT_TYPES = {"timestamp with time zone": "timestamptz"}


@dataclass(frozen=True, slots=True)
class View:
    """A view that a migration makes: what it shows, with all columns of a table and more."""

    said: str
    columns: tuple[str, ...]
    like: str | None = None

    def all_columns(self, metadata: MetaData) -> list[str]:
        """Return the names of its columns, in their order."""
        alike = metadata.tables[self.like].columns if self.like else ()
        return [*(column.name for column in alike), *self.columns]


VIEWS: Mapping[str, View] = {
    "stripe.invoice_charges": View(
        "Invoices and the charges that tried to pay them, whichever object of whatever API version"
        " names the other.",
        ("account", "invoice", "payment_intent", "charge"),
    ),
    "evergreen.subscription_states": View(
        "Who stood how from when (`effective_at`) until when: the subscription history without"
        " what came of it only for a moment.",
        ("until",),
        like="evergreen.subscription_history",
    ),
}


def page(metadata: MetaData) -> str:
    """Return the page, in Markdown; the same code gives the same page."""
    said = notes()
    about = {kind.table: list(_about(kind)) for kind in (*OBJECTS.values(), OTHER)}
    about |= {
        children.table: [_embedded_in(kind, children)]
        for kind in OBJECTS.values()
        for children in kind.children
    }
    lines = [_INTRODUCTION, *_shared(OTHER.table)]
    for table in _tables(metadata, STRIPE):
        note = said.get(table.name, Notes())
        lines += _section(table, [note.module, *about.get(table, []), note.table], note)
    lines.append("## Schema `evergreen`: our own\n")
    for table in _tables(metadata, EVERGREEN):
        note = said.get(table.name, Notes())
        lines += _section(table, [note.table or note.module], note)
    return "\n".join([*lines, *_views(metadata)]).rstrip() + "\n"


def _tables(metadata: MetaData, schema: str) -> list[Table]:
    tables = (table for table in metadata.tables.values() if table.schema == schema)
    return sorted(tables, key=lambda table: table.name)


def _shared_names() -> set[str]:
    return {column.name for column in OTHER.table.columns} - set(OTHER.project({}))


def _shared(table: Table) -> Iterator[str]:
    yield "## Schema `stripe`: what all its tables have\n"
    promise = inspect.getdoc(mirror_table) or ""
    yield promise.partition("\n\n")[2] + "\n"
    shared = _shared_names()
    yield from _columns([column for column in table.columns if column.name in shared], {})


def _about(kind: MirroredObject) -> Iterator[str]:
    """Yield how Stripe calls an object, where its API shows it, and what goes with it."""
    if kind is not OTHER:
        yield f"Stripe's `{kind.name}`."
    if kind.endpoint:
        paths = filter(None, (kind.endpoint.many, kind.endpoint.one))
        yield "API: " + ", ".join(f"`{path}`" for path in paths) + "."
    for children in kind.children:
        yield f"Its children change with it: {_link(children.table)}."


def _embedded_in(kind: MirroredObject, children: Children) -> str:
    return f"Changes with its parent, `{children.parent_column}`: {_link(kind.table)}."


def _section(table: Table, words: Sequence[str], note: Notes) -> Iterator[str]:
    told = _shared_names() if table.schema == STRIPE else set()
    yield f"### `{table.fullname}`\n"
    yield "\n".join(filter(None, words)) + "\n"
    yield from _columns([each for each in table.columns if each.name not in told], note.columns)
    if rules := [*_indexes(table), *_constraints(table)]:
        yield "\n".join(f"- {rule}" for rule in rules) + "\n"


def _columns(columns: Sequence[Column[object]], said: Mapping[str, str]) -> Iterator[str]:
    rows = [_HEAD, ("---",) * len(_HEAD)]
    rows += [_column(column, said.get(column.name, "")) for column in columns]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _column(column: Column[object], said: str) -> tuple[str, ...]:
    type_ = column.type.compile(postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
    return (
        f"`{column.name}`",
        _SHORT_TYPES.get(type_, type_),
        "yes" if column.nullable else "",
        "key" if column.primary_key else "",
        (column.comment or said).replace("|", "\\|"),
    )


def _views(metadata: MetaData) -> Iterator[str]:
    yield "## Views\n"
    for name, view in VIEWS.items():
        columns = ", ".join(f"`{column}`" for column in view.all_columns(metadata))
        yield f"### `{name}`\n\n{view.said}\nColumns: {columns}.\n"


def _indexes(table: Table) -> Iterator[str]:
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield f"`{index.name}`: `{_definition(index)}`"


def _definition(index: Index) -> str:
    """Return what an index says after its table's name."""
    made = str(CreateIndex(index).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    unique = "UNIQUE " if index.unique else ""
    return unique + made.partition(" ON ")[2].partition(" ")[2]


def _constraints(table: Table) -> Iterator[str]:
    for rule in sorted(table.constraints, key=lambda rule: str(rule.name)):
        if isinstance(rule, UniqueConstraint):
            yield f"unique: `({', '.join(column.name for column in rule.columns)})`"
        elif isinstance(rule, CheckConstraint):
            yield f"always: `{rule.sqltext}`"


def _link(table: Table) -> str:
    """Return a link to a table's heading, where GitHub's Markdown puts it."""
    return f"[`{table.name}`](#{table.fullname.replace('.', '')})"
