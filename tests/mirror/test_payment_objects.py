"""Objects around payments: the same typed columns whatever rendered them, and never an error."""

from datetime import datetime
from typing import Any

import pytest

from sync.mirror.objects import OBJECTS
from sync.mirror.tables import MirroredObject
from tests.mirror import checkout_shapes, payment_shapes
from tests.mirror.payment_shapes import Shapes

SHAPES = [
    payment_shapes.PAYMENT_INTENT,
    payment_shapes.SETUP_INTENT,
    payment_shapes.CHARGE,
    payment_shapes.REFUND,
    payment_shapes.DISPUTE,
    payment_shapes.EARLY_FRAUD_WARNING,
    payment_shapes.REVIEW,
    payment_shapes.PAYMENT_METHOD,
    checkout_shapes.CHECKOUT_SESSION,
    checkout_shapes.PAYMENT_LINK,
    checkout_shapes.PAYOUT,
]
EVERY_OBJECT = pytest.mark.parametrize(
    "shapes", [pytest.param(each, id=each.newest["object"]) for each in SHAPES]
)
ODD: list[Any] = [None, True, -1, 1.5, 2**40, 2**70, "", "odd", [], ["odd"], [{}], {}, {"id": 3}]
SHARED = {
    "id",
    "account",
    "livemode",
    "data",
    "as_of",
    "as_of_event_id",
    "source",
    "provisional",
    "undecided",
    "incomplete",
    "deleted_at",
}


def kind_of(shapes: Shapes) -> MirroredObject:
    return OBJECTS[shapes.newest["object"]]


def known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


@EVERY_OBJECT
def test_old_and_new_shapes_make_the_same_columns(shapes: Shapes) -> None:
    project = kind_of(shapes).project

    assert known(project(shapes.newest)) == shapes.columns
    assert known(project(shapes.oldest)) == shapes.columns


@EVERY_OBJECT
def test_what_says_nothing_fills_every_column_with_null(shapes: Shapes) -> None:
    kind = kind_of(shapes)
    row = kind.project({})

    assert set(row) | SHARED == set(kind.table.columns.keys())
    assert known(row) == {}


def fits(kind: MirroredObject, row: dict[str, Any]) -> bool:
    """Tell whether PostgreSQL would take every value."""
    return all(
        isinstance(value, kind.table.c[name].type.python_type)
        and (not isinstance(value, datetime) or value.tzinfo is not None)
        and (str(kind.table.c[name].type) != "INTEGER" or abs(value) < 2**31)
        and (str(kind.table.c[name].type) != "BIGINT" or abs(value) < 2**63)
        for name, value in known(row).items()
    )


def odd_versions(subject: Any) -> list[Any]:
    """Return `subject` with each of its parts in turn replaced by each odd value."""
    if not isinstance(subject, dict):
        return ODD
    inside = [
        {**subject, name: odd} for name, value in subject.items() for odd in odd_versions(value)
    ]
    return [*ODD, *inside]


@EVERY_OBJECT
def test_odd_input_is_no_error_and_fits_the_columns(shapes: Shapes) -> None:
    kind = kind_of(shapes)
    tried = [
        {**shape, name: odd}
        for shape in (shapes.newest, shapes.oldest)
        for name in shape
        for odd in odd_versions(shape[name])
    ]

    assert [each for each in tried if not fits(kind, kind.project(each))] == []


@EVERY_OBJECT
def test_an_enum_value_of_tomorrow_is_kept(shapes: Shapes) -> None:
    named = {"status", "reason", "type", "mode"} & shapes.columns.keys()
    told = {**shapes.newest, **dict.fromkeys(named, "of_tomorrow")}
    row = kind_of(shapes).project(told)

    assert {row[name] for name in named} <= {"of_tomorrow"}


@pytest.mark.parametrize(
    ("charge", "expected"),
    [
        pytest.param({"disputed": True}, True, id="told"),
        pytest.param({"disputed": False, "dispute": "dp_1"}, False, id="both"),
        pytest.param({"dispute": "dp_1"}, True, id="named"),
        pytest.param({"dispute": None}, False, id="none-named"),
        pytest.param({}, None, id="unknown"),
    ],
)
def test_whether_a_charge_is_disputed(charge: dict[str, Any], *, expected: bool | None) -> None:
    assert OBJECTS["charge"].project(charge)["disputed"] is expected


@pytest.mark.parametrize(
    ("intent", "expected"),
    [
        pytest.param({"latest_charge": {"id": "ch_1"}}, "ch_1", id="expanded"),
        pytest.param({"latest_charge": None, "charges": {"data": []}}, None, id="none-yet"),
        pytest.param(
            {"latest_charge": "ch_2", "charges": {"data": [{"id": "ch_1"}]}}, "ch_2", id="both"
        ),
    ],
)
def test_the_latest_charge(intent: dict[str, Any], expected: str | None) -> None:
    assert OBJECTS["payment_intent"].project(intent)["latest_charge"] == expected


@EVERY_OBJECT
def test_no_event_deletes_it(shapes: Shapes) -> None:
    assert not kind_of(shapes).deletable
