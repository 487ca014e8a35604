"""`previous_attributes`, in Stripe's way, by examples."""

from collections.abc import Mapping
from typing import Any

import pytest

from app.simulator.difference import merged, previous_attributes


@pytest.mark.parametrize(
    ("before", "after", "previous"),
    [
        pytest.param({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 2}, id="only-what-changed"),
        pytest.param({"a": None}, {"a": 5}, {"a": None}, id="null-before"),
        pytest.param({"m": {}}, {"m": {"k": "v"}}, {"m": {"k": None}}, id="added-key-is-null"),
        pytest.param({"m": {"k": "v"}}, {"m": {}}, {"m": {"k": "v"}}, id="removed-key"),
        pytest.param(
            {"n": {"x": 1, "y": 1}},
            {"n": {"x": 2, "y": 1}},
            {"n": {"x": 1}},
            id="nested-only-changed",
        ),
        pytest.param(
            {"n": {"x": 1, "y": 1}},
            {"n": None},
            {"n": {"x": 1, "y": 1}},
            id="object-to-null-whole",
        ),
        pytest.param(
            {"items": {"data": [{"q": 1, "p": 1}], "has_more": False}},
            {"items": {"data": [{"q": 2, "p": 1}], "has_more": False}},
            {"items": {"data": [{"q": 1, "p": 1}]}},
            id="lists-whole",
        ),
        pytest.param({"a": 1}, {"a": 1}, {}, id="nothing"),
    ],
)
def test_previous_attributes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    previous: Mapping[str, Any],
) -> None:
    assert previous_attributes(before, after) == previous


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        pytest.param({"metadata": {"k": None}}, {"metadata": {}, "n": {"x": 1}}, id="taken-away"),
        pytest.param({"n": {"y": 2}}, {"metadata": {"k": "v"}, "n": {"x": 1, "y": 2}}, id="nested"),
        pytest.param({"n": None}, {"metadata": {"k": "v"}, "n": None}, id="replaced"),
        pytest.param(
            {"n": {"x": None}}, {"metadata": {"k": "v"}, "n": {"x": None}}, id="null-kept"
        ),
    ],
)
def test_merged_lays_changes_over_a_state_it_leaves_alone(
    changes: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    state = {"metadata": {"k": "v"}, "n": {"x": 1}}

    assert merged(state, changes) == after
    assert state == {"metadata": {"k": "v"}, "n": {"x": 1}}
