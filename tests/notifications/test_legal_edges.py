"""A notice that the law wants by an hour of the night is out before that night, in any zone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from notifications import gate, kinds, windows
from sync.changes import Later
from tests.notifications import shop
from tests.notifications.changes import loaded
from tests.notifications.shop import DAY, NOW, SECOND

ZONES = ("UTC", "America/Los_Angeles", "Pacific/Kiritimati")
# At which hour of the customer's day the notice's edge lies, and at which it is due.
DUE = {
    "00:00": "20:00",
    "07:59": "20:00",
    "08:00": "08:00",
    "20:59": "20:59",
    "21:00": "20:00",
    "23:30": "20:00",
}
WEEK = 7 * DAY


def at(hour: str, zone: str) -> datetime:
    """Return that hour of the customer's day, two days from now."""
    local = (NOW + 2 * DAY).astimezone(ZoneInfo(zone))
    return datetime.combine(local, datetime.strptime(hour, "%H:%M").time(), ZoneInfo(zone))  # noqa: DTZ007 — an hour of the day has no zone


def trial(ends_at: datetime) -> dict[str, Any]:
    return shop.subscription(
        ends_at,
        status="trialing",
        trial_start=shop.seconds(NOW - 30 * DAY),
        trial_end=shop.seconds(ends_at),
    )


def introduction(ends_at: datetime) -> dict[str, Any]:
    offer = {"current_trial": {"end_date": shop.seconds(ends_at), "trial_offer": "to_1"}}
    return shop.subscription(ends_at + DAY, items=[shop.item(**offer)])


@pytest.mark.parametrize(
    ("kind", "sold", "edge", "due", "zone"),
    [
        *(("trial_ending", trial, edge, due, "Asia/Bangkok") for edge, due in DUE.items()),
        *(("trial_ending", trial, "21:00", "20:00", zone) for zone in ZONES),
        ("promo_ending", introduction, "21:00", "20:00", "Asia/Bangkok"),
    ],
)
def test_no_notice_waits_for_the_morning_past_its_edge(  # noqa: PLR0917 — a table of five columns
    engine: Engine, kind: str, sold: Any, edge: str, due: str, zone: str
) -> None:
    ends_at = at(edge, zone) + WEEK
    shop.mirror(engine, shop.customer(metadata={"timezone": zone}), sold(ends_at))
    shop.scan(engine, ends_at - WEEK - DAY)

    ((found, due_at),) = shop.rows(engine, "kind, due_at")
    assert (found, due_at.astimezone(ZoneInfo(zone)).strftime("%H:%M")) == (kind, due)
    assert ends_at - WEEK - DAY < due_at <= ends_at - WEEK
    (claimed,) = shop.claim(engine, due_at)
    case = replace(loaded(engine, claimed), now=due_at)
    verdict = gate.check(kinds.KINDS[kind], claimed.effect, case, attempts=2)
    assert not isinstance(verdict, Later)


@pytest.mark.parametrize(
    ("seen", "due"),
    [
        pytest.param(timedelta(hours=11), timedelta(hours=10), id="before-the-evening"),
        pytest.param(timedelta(hours=10), timedelta(hours=10), id="in-the-evening"),
        pytest.param(timedelta(hours=10) - SECOND, timedelta(0), id="in-the-night-already"),
    ],
)
def test_an_evening_that_has_passed_is_not_waited_for(
    engine: Engine, seen: timedelta, due: timedelta
) -> None:
    """The edge is at six in the morning; eight in the evening is ten hours before it."""
    edge = at("06:00", "Asia/Bangkok")
    who = shop.customer(metadata={"timezone": "Asia/Bangkok"})
    shop.mirror(engine, who, trial(edge + WEEK))
    shop.scan(engine, edge - seen)

    assert shop.rows(engine, "due_at, subject ->> 'late'") == [(edge - due, None)]


@pytest.mark.parametrize(
    ("kind", "days"),
    [
        pytest.param("price_change", 14, id="price"),
        pytest.param("renewal_reminder", 30, id="renewal"),
    ],
)
def test_a_notice_due_long_before_its_edge_may_wait_for_the_morning(kind: str, days: int) -> None:
    rules = windows.WINDOWS[kind].values()

    assert all(rule.days == days and rule.days - (rule.closes_days or 0) >= 1 for rule in rules)
