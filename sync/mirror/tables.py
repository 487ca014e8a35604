"""How a mirrored object is described: its table, its projection and its children."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from sync.store.engine import METADATA, STRIPE

Row = dict[str, Any]
Project = Callable[[Mapping[str, Any]], Row]


def mirror_table(name: str, *columns: Column[Any], indexed: Sequence[str] = ()) -> Table:
    """Return the table `stripe.<name>`: what every mirror table has, and its own typed columns.

    `as_of` is the Stripe time of the state that `data` shows; `provisional` says that an
    older event could still change which state that is, `undecided` that nothing known tells
    it apart from another of that second. `deleted_at` is set for good.
    """
    return Table(
        name,
        METADATA,
        Column("id", Text, primary_key=True),
        Column("account", Text, primary_key=True, server_default=""),
        *columns,
        Column("livemode", Boolean, nullable=False),
        Column("data", JSONB, nullable=False),
        Column("as_of", DateTime(timezone=True), nullable=False),
        Column("as_of_event_id", Text),
        Column("source", Text, nullable=False, server_default="event"),
        Column("provisional", Boolean, nullable=False, server_default=text("false")),
        Column("undecided", Boolean, nullable=False, server_default=text("false")),
        Column("deleted_at", DateTime(timezone=True)),
        *(Index(f"{name}_{column}_idx", column) for column in indexed),
        schema=STRIPE,
    )


@dataclass(frozen=True, slots=True)
class Children:
    """Objects embedded in a parent that have a table of their own and change with it.

    `listed` returns the embedded list object (`{"data": [...], "has_more": ...}`), and
    `project` the typed columns of one child, given the child and its parent.
    """

    table: Table
    parent_column: str
    listed: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    project: Callable[[Mapping[str, Any], Mapping[str, Any]], Row]

    def rows(self, parent: Mapping[str, Any]) -> list[Row]:
        """Return the children's typed columns, with their own JSON as `data`."""
        embedded = self.listed(parent).get("data") or ()
        return [
            {"id": child["id"], "data": child, **self.project(child, parent)} for child in embedded
        ]

    def complete(self, parent: Mapping[str, Any]) -> bool:
        """Tell whether the embedded list is whole, so that what it lacks is gone."""
        return not self.listed(parent).get("has_more")


@dataclass(frozen=True, slots=True)
class MirroredObject:
    """All that one Stripe object needs to be mirrored.

    `deletable`: a `.deleted` event means that the object is gone for good. (A subscription's
    only means that it ended.)
    """

    name: str
    table: Table
    project: Project
    children: tuple[Children, ...] = ()
    deletable: bool = True
