"""Billing periods by the calendar."""

from datetime import UTC, datetime

import pytest

from app.simulator.periods import add_months, next_end, share

MONTHLY = {"interval": "month", "interval_count": 1}
YEARLY = {"interval": "year", "interval_count": 1}


def at(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 9, 30, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("moment", "months", "later"),
    [
        pytest.param(at(2026, 1, 15), 1, at(2026, 2, 15), id="plain"),
        pytest.param(at(2026, 12, 15), 1, at(2027, 1, 15), id="over-new-year"),
        pytest.param(at(2026, 1, 31), 1, at(2026, 2, 28), id="short-month"),
        pytest.param(at(2028, 1, 31), 1, at(2028, 2, 29), id="leap-february"),
        pytest.param(at(2026, 11, 30), 12, at(2027, 11, 30), id="a-year"),
        pytest.param(at(2028, 2, 29), 12, at(2029, 2, 28), id="leap-day"),
    ],
)
def test_add_months(moment: int, months: int, later: int) -> None:
    assert add_months(moment, months) == later


@pytest.mark.parametrize(
    ("anchor", "start", "recurring", "end"),
    [
        pytest.param(at(2026, 1, 31), at(2026, 2, 28), MONTHLY, at(2026, 3, 31), id="back-to-31"),
        pytest.param(at(2026, 1, 31), at(2026, 1, 31), MONTHLY, at(2026, 2, 28), id="first"),
        pytest.param(at(2026, 1, 31), at(2027, 1, 31), YEARLY, at(2028, 1, 31), id="second-year"),
    ],
)
def test_next_end_counts_from_the_anchor(
    anchor: int,
    start: int,
    recurring: dict[str, object],
    end: int,
) -> None:
    assert next_end(anchor, start, recurring) == end


@pytest.mark.parametrize(
    ("amount", "part", "whole", "rounded"),
    [(100, 1, 2, 50), (5, 1, 2, 3), (100, 1, 3, 33), (200, 1, 3, 67), (100, 0, 7, 0)],
)
def test_share_rounds_half_up(amount: int, part: int, whole: int, rounded: int) -> None:
    assert share(amount, part, whole) == rounded
