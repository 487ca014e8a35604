"""Once a year everybody is told what they pay for, unless they just were."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.case import Mail
from notifications.kind import LOOK_AHEAD
from notifications.kinds import annual_terms_reminder
from notifications.policy import parse_renewal_reminders
from sync.changes import Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

ONLY_THESE = shop.policy(renewal_reminders=parse_renewal_reminders(""))


def since(began: datetime, **changed: Any) -> Any:
    return shop.subscription(NOW + 20 * DAY, start_date=shop.seconds(began), **changed)


@pytest.mark.parametrize(
    ("began", "years"),
    [
        pytest.param(NOW.replace(year=2025), "1", id="a-year"),
        pytest.param(NOW.replace(year=2019), "7", id="seven-years"),
        pytest.param(NOW.replace(year=2025) + LOOK_AHEAD, "1", id="due-within-the-tick"),
        pytest.param(NOW.replace(year=2025) + LOOK_AHEAD + SECOND, None, id="not-yet"),
        pytest.param(NOW.replace(year=2025) - 24 * HOUR + SECOND, "1", id="caught-up"),
        pytest.param(NOW.replace(year=2025) - 24 * HOUR, None, id="past-its-use"),
        pytest.param(NOW, None, id="new"),
    ],
)
def test_the_anniversary(engine: Engine, began: datetime, years: str | None) -> None:
    shop.mirror(engine, since(began))
    shop.scan(engine, settings=ONLY_THESE)
    shop.scan(engine, settings=ONLY_THESE)

    key = f":test:annual_terms_reminder:sub_1:{years}"
    on = began.replace(year=2026)
    assert shop.rows(engine, "key, due_at") == ([(key, on)] if years else [])


def test_a_leap_day_has_an_anniversary_every_year(engine: Engine) -> None:
    shop.mirror(engine, since(datetime(2024, 2, 29, 9, tzinfo=UTC)))
    shop.scan(engine, datetime(2027, 2, 28, 9, tzinfo=UTC), ONLY_THESE)

    assert shop.rows(engine, "due_at") == [(datetime(2027, 2, 28, 9, tzinfo=UTC),)]


def test_every_year_once(engine: Engine) -> None:
    shop.mirror(engine, since(NOW.replace(year=2025)))
    for days in (*range(-2, 3), *range(363, 368)):
        shop.scan(engine, NOW + timedelta(days=days), ONLY_THESE)

    assert [row[0].year for row in shop.rows(engine, "due_at")] == [2026, 2027]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({}, None, id="runs"),
        pytest.param({"status": "past_due"}, None, id="past-due"),
        pytest.param({"status": "canceled"}, "canceled", id="ended"),
        pytest.param({"cancel_at_period_end": True}, "cancel_set", id="cancel-set"),
        pytest.param({"pause_collection": {"behavior": "void"}}, "paused", id="paused"),
        pytest.param({"items": [shop.item(unit_amount=0)]}, "free", id="free"),
    ],
)
def test_what_stops_it(
    engine: Engine, tmp_path: Any, changed: dict[str, Any], reason: str | None
) -> None:
    began = NOW.replace(year=2025)
    shop.mirror(engine, shop.customer(), since(began))
    shop.scan(engine, settings=ONLY_THESE)
    shop.mirror(engine, since(began, **changed), at=NOW + SECOND)
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW, ONLY_THESE)

    assert [one for one in outcomes if isinstance(one, Skipped)] == (
        [Skipped(reason)] if reason else []
    )


@pytest.mark.parametrize(
    ("state", "ago", "about", "reason"),
    [
        pytest.param("sent", 45 * DAY, "sub_sample", "renewal_reminder_sent", id="sent"),
        pytest.param("unknown", DAY, "sub_sample", "renewal_reminder_sent", id="perhaps-sent"),
        pytest.param("sent", 45 * DAY + SECOND, "sub_sample", None, id="sent-long-ago"),
        pytest.param("skipped", DAY, "sub_sample", None, id="not-sent"),
        pytest.param("sent", DAY, "sub_other", None, id="about-another"),
    ],
)
def test_who_was_just_reminded_is_not_told_again(
    state: str, ago: timedelta, about: str, reason: str | None
) -> None:
    at, subject = samples.NOW - ago, {"subscription": about}
    today = str(shop.seconds(samples.NOW))
    mail = Mail(kind="renewal_reminder", subject=subject, state=state, at=at)
    case = samples.case(
        shop.policy(),
        subject={"subscription": "sub_sample", "anniversary": today, "year": "1"},
        subscription=samples.subscription(),
        mails=(mail,),
    )

    assert annual_terms_reminder.check(case) == (Skipped(reason) if reason else None)
