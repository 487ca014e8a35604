"""Billing periods in calendar months and years, as Unix seconds in UTC."""

import calendar
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

HOUR = 3600
DAY = 24 * HOUR
_MONTHS: Mapping[str, int] = {"month": 1, "year": 12}


def add_months(moment: int, months: int) -> int:
    """Return the same time of day so many calendar months later.

    A day the month does not have becomes its last day, as Stripe's billing anchors do.
    """
    at = datetime.fromtimestamp(moment, UTC)
    years, month0 = divmod(at.month - 1 + months, 12)
    year, month = at.year + years, month0 + 1
    day = min(at.day, calendar.monthrange(year, month)[1])
    return int(at.replace(year=year, month=month, day=day).timestamp())


def next_end(anchor: int, start: int, recurring: Mapping[str, Any]) -> int:
    """Return when the period that begins at `start` ends, counted from the billing anchor."""
    step = _MONTHS[recurring["interval"]] * recurring["interval_count"]
    done = 1
    while add_months(anchor, done * step) <= start:
        done += 1
    return add_months(anchor, done * step)


def share(amount: int, part: int, whole: int) -> int:
    """Return `amount * part / whole`, rounded half up, in minor units."""
    return (2 * amount * part + whole) // (2 * whole)


def percent_of(amount: int, percent: float) -> int:
    """Return so many per cent of `amount`, rounded half up, in minor units.

    `percent` is taken as it is written: 12.5 are exactly 12.5.
    """
    exact = Fraction(str(percent))
    return share(amount, exact.numerator, 100 * exact.denominator)


def month_of(moment: int) -> tuple[int, int]:
    """Return the calendar month and year of a moment, in UTC."""
    at = datetime.fromtimestamp(moment, UTC)
    return at.month, at.year
