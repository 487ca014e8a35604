"""How a mirrored object is described: table, projection, children, and where the API shows it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from sync.store.engine import METADATA, STRIPE

Row = dict[str, Any]
Json = Mapping[str, Any]
Project = Callable[[Json], Row]


def mirror_table(name: str, *columns: Column[Any], indexed: Sequence[str] = ()) -> Table:
    """Return the table `stripe.<name>`: what every mirror table has, and its own typed columns.

    `as_of` is the Stripe time of the state that `data` shows; `source` tells whether an event
    or a reading from the API brought it. `provisional` says that an older event could still
    change which state that is, `undecided` that nothing known tells it apart from another of
    that second, `incomplete` that Stripe holds more of it than `data` shows (a list cut short).
    `deleted_at` is set for good.
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
        Column("incomplete", Boolean, nullable=False, server_default=text("false")),
        Column("deleted_at", DateTime(timezone=True)),
        *(Index(f"{name}_{column}_idx", column) for column in indexed),
        schema=STRIPE,
    )


@dataclass(frozen=True, slots=True)
class Children:
    """Objects embedded in a parent that have a table of their own and change with it.

    `listed` returns the embedded list object (`{"data": [...], "has_more": ..., "url": ...}`),
    and `project` the typed columns of one child, given the child and its parent.
    """

    table: Table
    parent_column: str
    listed: Callable[[Json], Json]
    project: Callable[[Json, Json], Row]

    def rows(self, parent: Json) -> list[Row]:
        """Return the children's typed columns, with their own JSON as `data`."""
        embedded = self.listed(parent).get("data") or ()
        return [
            {"data": child, **own, "id": own.get("id") or child["id"]}
            for child in embedded
            for own in (self.project(child, parent),)
        ]

    def complete(self, parent: Json) -> bool:
        """Tell whether the embedded list is whole, so that what it lacks is gone."""
        return not self.listed(parent).get("has_more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where Stripe's API shows objects of one type.

    `many`: the path that lists them, newest first, with `params`. With `{parent}` in it, it
    lists those of one object of type `of` only. None: they cannot be listed.
    `one`: the path of a single one, with `{id}` in it; None: it cannot be read by itself.
    `expand`: fields that Stripe renders only on request, and that the mirror keeps.
    `by_created`: whether the list takes a filter on `created`, which our column `born` holds.
    `assembled`: returns the object with an id, made of what `one` shows, where that is a part.
    """

    many: str | None = None
    one: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    of: str | None = None
    by_created: bool = True
    born: str = "created"
    assembled: Callable[[str, Json], Json] | None = None


def by_id(subject: Json) -> str | None:
    """Return the id of an object that has one; a preview such as an upcoming invoice has none."""
    found = subject.get("id")
    return found if isinstance(found, str) else None


def _nothing(_: Json) -> Iterable[Json]:
    return ()


def _whole(_: Json) -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class MirroredObject:
    """All that one Stripe object needs to be mirrored.

    `deletable`: a `.deleted` event means that the object is gone for good. (A subscription's
    only means that it ended.)
    `reuses_ids`: a shop chooses the id, and may choose it again after a deletion.
    `identify`: what stands for the id of an object that has none.
    `embedded`: whole objects of other types inside a reading, such as the discounts of a
    subscription, that go into their own tables.
    `lists`: embedded lists beside the children that only a reading shows, and shows whole.
    `lacks`: whether `data` shows less than the API would on request; lists cut short need not
    be told here.
    """

    name: str
    table: Table
    project: Project
    children: tuple[Children, ...] = ()
    deletable: bool = True
    endpoint: Endpoint | None = None
    reuses_ids: bool = False
    identify: Callable[[Json], str | None] = by_id
    embedded: Callable[[Json], Iterable[Json]] = _nothing
    lists: tuple[str, ...] = ()
    lacks: Callable[[Json], bool] = _whole

    def is_incomplete(self, data: Json) -> bool:
        """Tell whether Stripe holds more of the object than `data` shows."""
        return self.lacks(data) or not all(each.complete(data) for each in self.children)

    def listed(self, data: Json) -> list[Json]:
        """Return the embedded lists that are kept whole."""
        found = [children.listed(data) for children in self.children]
        found += [data[name] for name in self.lists if isinstance(data.get(name), dict)]
        return found
