"""Rows for people and for programs."""

import csv
import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from app.cli.output import as_csv, as_json, as_table

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_table_is_aligned_with_numbers_to_the_right() -> None:
    rows = [{"sku": "MUG", "n": 5}, {"sku": "COFFEE", "n": -12}]

    assert as_table(rows, ["sku", "n"]).splitlines() == [
        "sku       n",
        "------  ---",
        "MUG       5",
        "COFFEE  -12",
    ]


def test_a_table_knows_what_a_terminal_needs_for_thai_and_wide_letters() -> None:
    rows = [{"name": "กานดา ศรีสุข", "n": 1}, {"name": "東京", "n": 2}, {"name": "Ada", "n": 3}]
    shown = as_table(rows, ["name", "n"]).splitlines()[2:]

    assert shown == ["กานดา ศรีสุข  1", "東京        2", "Ada         3"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "yes"),
        (AT, "2026-11-23T08:00:00+00:00"),
        (["a", "b"], "a, b"),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("a\nb\x1b[31m", "a b [31m"),
    ],
    ids=["none", "true", "time", "list", "too-long", "just-fits", "control-letters"],
)
def test_how_a_value_looks_in_a_table(value: Any, cell: str) -> None:
    assert as_table([{"v": value}], ["v"]).splitlines()[2].strip() == cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("a=b", "a=b"),
        (-1, "-1"),
        (True, "yes"),
        (None, ""),
        ('say "hi", now', 'say "hi", now'),
    ],
    ids=repr,
)
def test_a_spreadsheet_runs_nothing(value: Any, cell: str) -> None:
    (row,) = csv.DictReader(StringIO(as_csv([{"v": value, "w": 1}], ["v", "w"])))

    assert row == {"v": cell, "w": "1"}


def test_json_keeps_types_and_chosen_columns() -> None:
    rows = [{"n": 1, "flag": False, "at": AT, "name": "ศรี", "hidden": 1}]

    assert json.loads(as_json(rows, ["n", "flag", "at", "name", "missing"])) == [
        {"n": 1, "flag": False, "at": AT.isoformat(), "name": "ศรี", "missing": None}
    ]


def test_nothing_is_an_empty_table() -> None:
    assert as_table([], ["a", "bc"]).splitlines() == ["a  bc", "-  --"]
    assert as_json([], ["a"]) == "[]\n"
