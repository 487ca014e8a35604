"""Whatever Stripe adds or changes, no projection raises, and all it returns can be stored."""

import random
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.simulator.versions import VERSIONS
from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.tables import Children, MirroredObject
from tests.mirror.every_object import at_version, examples
from tests.mirror.fold import Json

JUNK: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**40,
    2**70,
    1.5,
    float("inf"),
    "",
    "2026-10-28",
    "a_status_of_tomorrow",
    [],
    {},
    [None, 3, "id_1", [], {}],
    {"id": None},
    {"id": 7},
    {"id": "id_1", "object": "expanded"},
    {"data": "no list"},
    {"data": [None, 1, {}, {"id": None}, {"id": "id_1"}], "has_more": "perhaps"},
)
KINDS = [pytest.param(kind, id=kind.name) for kind in (*OBJECTS.values(), OTHER)]


class Anything(dict[str, Any]):
    """An object that has every field one asks for, with some value that stays the same."""

    def __init__(self, rng: random.Random, depth: int = 0) -> None:
        super().__init__()
        self._rng = rng
        self._depth = depth

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, name: str) -> Any:
        self[name] = self._some()
        return self[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field's value, and now and then that there is none."""
        return self[name] if self._rng.random() < 0.97 else default

    def _some(self) -> Any:
        if self._depth < 5 and self._rng.random() < 0.7:
            inner = Anything(self._rng, self._depth + 1)
            return [inner] if self._rng.random() < 0.3 else inner
        return self._rng.choice(JUNK)


def identified(subject: dict[str, Any], kind: MirroredObject) -> dict[str, Any]:
    """Give `subject` what the way to a projection promises: a type, and an id as text."""
    subject |= {"object": kind.name, "id": "id_0"}
    return subject


def whole_64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def whole_32(value: Any) -> bool:
    return type(value) is int and -(2**31) <= value < 2**31


FITS: Mapping[type[Any], Callable[[Any], bool]] = {
    ARRAY: lambda value: isinstance(value, list) and all(type(each) is str for each in value),
    BigInteger: whole_64,
    Boolean: lambda value: type(value) is bool,
    DateTime: lambda value: isinstance(value, datetime) and value.tzinfo is not None,
    Integer: whole_32,
    JSONB: lambda _: True,
    Numeric: lambda value: type(value) is str and Decimal(value).is_finite(),
    Text: lambda value: type(value) is str,
}


def misfits(table: Table, row: Mapping[str, Any]) -> list[str]:
    """Return the columns of `row` that PostgreSQL would refuse."""
    unfit = []
    for name, value in row.items():
        column = table.c[name]
        fits = column.nullable if value is None else FITS[type(column.type)](value)
        unfit += [] if fits else [f"{column}: {value!r}"]
    return unfit


def misfits_of(kind: MirroredObject, subject: Json) -> list[str]:
    """Do all with `subject` that the mirror does, and return the columns that do not fit."""
    if kind.identify(subject) is None:
        return []  # a preview, which is not mirrored
    kind.is_incomplete(subject)
    list(kind.embedded(subject))
    unfit = misfits(kind.table, kind.project(subject))
    for children in kind.children:
        unfit += misfits_of_children(children, subject)
    return unfit


def misfits_of_children(children: Children, subject: Json) -> list[str]:
    children.complete(subject)
    return [each for row in children.rows(subject) for each in misfits(children.table, row)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_any_shape_can_be_projected(kind: MirroredObject) -> None:
    for seed in range(400):
        subject = identified(Anything(random.Random(seed)), kind)

        assert misfits_of(kind, subject) == [], f"seed {seed}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bare", [{}, *({name: None} for name in ("items", "lines", "customer"))])
def test_an_object_that_shows_nothing_can_be_projected(kind: MirroredObject, bare: Json) -> None:
    assert misfits_of(kind, identified(dict(bare), kind)) == []


def places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Yield every place inside a JSON value, as what holds it and its key."""
    held = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(held):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@settings(max_examples=600, deadline=None)
@given(rng=st.randoms(use_true_random=False), changes=st.integers(1, 6))
def test_a_real_object_with_wrong_values_anywhere_can_be_projected(
    rng: random.Random, changes: int
) -> None:
    name = rng.choice(sorted(examples()))
    kind = OBJECTS.get(name, OTHER)
    real = at_version(rng.choice(examples()[name]), rng.choice(VERSIONS))
    subject = deepcopy(dict(real))
    for _ in range(changes):
        holder, key = rng.choice(list(places(subject)))
        holder[key] = deepcopy(rng.choice(JUNK))

    assert misfits_of(kind, identified(subject, kind)) == []
