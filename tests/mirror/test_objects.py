"""What a projection returns is what its table has a column for: nothing falls by the way."""

from typing import Any

import pytest

from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.tables import Children, MirroredObject

KINDS = [*OBJECTS.values(), OTHER]
SHARED = {column.name for column in OTHER.table.columns} - set(OTHER.project({}))
CHILDREN = [children for kind in KINDS for children in kind.children]
BARE: dict[str, Any] = {"id": "some_1"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.table.name)
def test_each_projection_fills_its_table(kind: MirroredObject) -> None:
    columns = {column.name for column in kind.table.columns}

    assert set(kind.project(BARE)) == columns - SHARED


@pytest.mark.parametrize("children", CHILDREN, ids=lambda children: children.table.name)
def test_each_projection_of_children_fills_their_table(children: Children) -> None:
    columns = {column.name for column in children.table.columns}

    assert set(children.project(BARE, BARE)) - {"id"} == columns - SHARED
    assert children.parent_column in columns


def test_no_two_objects_share_a_table() -> None:
    tables = [kind.table.fullname for kind in KINDS]
    tables += [children.table.fullname for children in CHILDREN]

    assert len(tables) == len(set(tables))
