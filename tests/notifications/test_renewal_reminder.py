"""When a renewal is announced, once, and when not."""

from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.keys import effect_key
from notifications.kind import LOOK_AHEAD
from notifications.kinds import renewal_reminder
from notifications.kinds.renewal_reminder import Notice, notices
from notifications.policy import parse_renewal_reminders
from notifications.terms import Terms
from notifications.wording import Money
from sync.changes import Skipped
from sync.errors import SettingsError
from sync.history.amounts import Discount
from tests.mirror.fold import fold
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        pytest.param("month:3,year:30+7", {"month": (3,), "year": (30, 7)}, id="default"),
        pytest.param(" year : 7 + 30 , ", {"year": (30, 7)}, id="any-order-and-blanks"),
        pytest.param("week:2", {"week": (2,)}, id="shortest"),
        pytest.param("year:365", {"year": (365,)}, id="longest"),
        pytest.param("", {}, id="none"),
    ],
)
def test_reminders_are_read_from_the_settings(text: str, parsed: dict[str, Any]) -> None:
    assert dict(parse_renewal_reminders(text)) == parsed


@pytest.mark.parametrize(
    "text", ["month", "month:", "month:1", "year:366", "quarter:3", "month:x", "month:3,month:5"]
)
def test_a_wrong_reminder_says_what_to_write(text: str) -> None:
    with pytest.raises(SettingsError, match=r"write it once|interval:days|from 2 to 365"):
        parse_renewal_reminders(text)


def test_a_reminder_gives_way_when_the_next_is_due() -> None:
    settings = shop.policy(renewal_reminders=parse_renewal_reminders("month:3,year:30+7"))

    assert list(notices(settings)) == [
        Notice("month", 3, 24 * HOUR),
        Notice("year", 30, 7 * DAY),
        Notice("year", 7, 24 * HOUR),
    ]


@pytest.mark.parametrize(
    ("interval", "ahead", "days"),
    [
        pytest.param("month", 3 * DAY + LOOK_AHEAD + SECOND, [], id="not-yet"),
        pytest.param("month", 3 * DAY + LOOK_AHEAD, ["3"], id="due-within-the-tick"),
        pytest.param("month", 2 * DAY, ["3"], id="first-seen-inside-the-window"),
        pytest.param("month", 24 * HOUR + SECOND, ["3"], id="just-in-time"),
        pytest.param("month", 24 * HOUR, [], id="too-late-to-act"),
        pytest.param("year", 30 * DAY + LOOK_AHEAD, ["30"], id="year-due"),
        pytest.param("year", 7 * DAY + LOOK_AHEAD + SECOND, ["30"], id="year-late"),
        pytest.param("year", 7 * DAY + LOOK_AHEAD, ["7"], id="year-second-only"),
        pytest.param("year", 2 * DAY, ["7"], id="year-last-days"),
        pytest.param("week", 2 * DAY, [], id="week-has-none"),
    ],
)
def test_the_window_of_each_reminder(
    engine: Engine, interval: str, ahead: timedelta, days: list[str]
) -> None:
    shop.mirror(engine, shop.subscription(NOW + ahead, items=[shop.item(interval=interval)]))
    found = shop.scan(engine)

    assert [row[0] for row in shop.rows(engine, "subject ->> 'days'")] == days
    assert found == len(days)


@pytest.mark.parametrize(
    ("subscription", "reason"),
    [
        pytest.param({}, None, id="renews"),
        pytest.param({"status": "trialing"}, "trialing", id="trial-ends"),
        pytest.param({"status": "past_due"}, "past_due", id="past-due"),
        pytest.param({"status": "unpaid"}, "unpaid", id="unpaid"),
        pytest.param({"status": "paused"}, "paused", id="paused"),
        pytest.param({"status": "canceled"}, "canceled", id="canceled"),
        pytest.param({"cancel_at_period_end": True}, "cancel_set", id="cancel-at-period-end"),
        pytest.param(
            {"cancel_at": shop.seconds(NOW + 3 * DAY)}, "cancel_set", id="cancel-at-renewal"
        ),
        pytest.param({"cancel_at": shop.seconds(NOW + 3 * DAY + SECOND)}, None, id="cancel-later"),
        pytest.param({"pause_collection": {"behavior": "void"}}, "paused", id="collection-paused"),
        pytest.param({"items": [shop.item(unit_amount=0)]}, "free", id="free"),
        pytest.param({"items": [shop.item(quantity=0)]}, "free", id="none-bought"),
        pytest.param({"items": [shop.item(unit_amount=None)]}, None, id="metered"),
        pytest.param(
            {"items": [shop.item(unit_amount=0), shop.item(id="si_2")]}, None, id="partly-free"
        ),
    ],
)
def test_scan_and_check_agree_on_what_renews(
    engine: Engine, subscription: dict[str, Any], reason: str | None
) -> None:
    """What the scan passes over leaves no trace; what changes after it is stopped by name."""
    subject = shop.subscription(**subscription)
    shop.mirror(engine, shop.customer(), subject)
    assert shop.scan(engine) == (0 if reason else 1)

    shop.mirror(engine, shop.subscription(), at=NOW + SECOND)
    shop.scan(engine)
    shop.mirror(engine, subject, at=NOW + 2 * SECOND)
    if reason:
        assert shop.deliver_due(engine, "file:///nonexistent", NOW) == [Skipped(reason)]


def test_a_date_that_moved_is_announced_at_its_new_time_only(engine: Engine) -> None:
    shop.mirror(engine, shop.customer(), shop.subscription())
    shop.scan(engine)
    shop.mirror(engine, shop.subscription(NOW + 10 * DAY), at=NOW + SECOND)

    assert shop.deliver_due(engine, "file:///nonexistent", NOW) == [Skipped("date_moved")]
    assert shop.scan(engine, NOW + 7 * DAY) == 1


@pytest.mark.parametrize("livemode", [True, False], ids=["live", "test"])
@pytest.mark.parametrize("account", ["", "acct_1"], ids=["own", "connected"])
def test_the_database_makes_the_same_key_as_the_code(
    engine: Engine, account: str, livemode: bool
) -> None:
    of_account: dict[str, Any] = {"account": account} if account else {}
    fold(engine, [[shop.event(shop.subscription(), livemode=livemode, **of_account)]])
    shop.scan(engine, settings=shop.policy(accounts=frozenset({account})))

    parts = ("sub_1", str(shop.seconds(NOW + 3 * DAY)), "3")
    key = effect_key(account, livemode=livemode, kind="renewal_reminder", parts=parts)
    assert shop.rows(engine, "key, account, livemode") == [(key, account, livemode)]


def test_other_accounts_get_none(engine: Engine) -> None:
    fold(engine, [[shop.event(shop.subscription(), account="acct_1")]])

    assert shop.scan(engine) == 0


def test_a_repeated_tick_finds_nothing_new(engine: Engine) -> None:
    shop.mirror(engine, shop.subscription())

    assert [shop.scan(engine, NOW + n * HOUR) for n in range(3)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("outage", "found"),
    [
        pytest.param(2 * DAY - SECOND, 1, id="caught-up"),
        pytest.param(2 * DAY, 0, id="past-its-use"),
    ],
)
def test_missed_ticks_are_caught_up_while_it_is_of_use(
    engine: Engine, outage: timedelta, found: int
) -> None:
    shop.mirror(engine, shop.subscription())

    assert shop.scan(engine, NOW + outage) == found


def test_every_renewal_is_announced_once_at_its_own_instant(engine: Engine) -> None:
    """A scan an hour, as the simulated clock does it."""
    ends = [NOW + 5 * DAY + timedelta(minutes=17) + n * 7 * DAY for n in range(2)]
    now: datetime = NOW
    for period_end in ends:
        shop.mirror(engine, shop.subscription(period_end), at=now)
        while now < period_end:
            now += HOUR
            shop.scan(engine, now)

    assert [row[0] for row in shop.rows(engine, "due_at")] == [end - 3 * DAY for end in ends]


def test_items_that_renew_on_different_days_are_announced_apart(engine: Engine) -> None:
    later = shop.item(id="si_2", current_period_end=shop.seconds(NOW + 20 * DAY), interval="year")
    shop.mirror(engine, shop.subscription(NOW + 2 * DAY, items=[shop.item(), later]))
    shop.scan(engine)

    found = shop.rows(engine, "subject ->> 'days', due_at")
    assert found == [("30", NOW - 10 * DAY), ("3", NOW - 1 * DAY)]


def test_the_amount_is_what_renews_that_day() -> None:
    another_day = replace(samples.ITEM, current_period_end=samples.PERIOD_END + DAY)
    case = samples.case(
        shop.policy(),
        subject={"period_end": str(shop.seconds(samples.PERIOD_END)), "days": "3"},
        subscription=samples.subscription(items=(samples.ITEM, another_day)),
    )

    ((amount, _),) = renewal_reminder.context(case)["price"].lines
    assert amount == Money(2900, "usd")


@pytest.mark.parametrize(
    ("percent", "item", "verdict"),
    [
        pytest.param(100, samples.ITEM, Skipped("free"), id="all-of-it"),
        pytest.param(99, samples.ITEM, None, id="nearly"),
        pytest.param(100, samples.ITEM_METERED, None, id="depends-on-use"),
    ],
)
def test_nobody_is_reminded_of_what_a_discount_makes_free(
    percent: int, item: Any, verdict: Skipped | None
) -> None:
    case = samples.case(
        shop.policy(),
        subject={"period_end": str(shop.seconds(samples.PERIOD_END)), "days": "3"},
        subscription=samples.subscription(items=(item,)),
        terms=Terms(discounts=[Discount(percent_off=Fraction(percent))]),
    )

    assert renewal_reminder.check(case) == verdict


CALIFORNIAN = {"country": "US", "state": "CA"}


@pytest.mark.parametrize(
    ("reminders", "address", "item", "found"),
    [
        pytest.param("month:3,year:7", CALIFORNIAN, {"interval": "year"}, ["30"], id="owed"),
        pytest.param("", CALIFORNIAN, {"interval": "year"}, ["30"], id="shop-wants-none"),
        pytest.param("year:45", CALIFORNIAN, {"interval": "year"}, ["45"], id="satisfied"),
        pytest.param("year:46", CALIFORNIAN, {"interval": "year"}, ["30", "46"], id="too-early"),
        pytest.param("year:15", CALIFORNIAN, {"interval": "year"}, [], id="satisfied-later"),
        pytest.param(
            "year:7",
            {"country": "us", "state": "california"},
            {"interval": "year"},
            ["30"],
            id="words",
        ),
        pytest.param(
            "year:7", {"country": "US", "state": "NY"}, {"interval": "year"}, [], id="new-york"
        ),
        pytest.param("year:7", None, {"interval": "year"}, [], id="no-address"),
        pytest.param("month:3", CALIFORNIAN, {"interval_count": 12}, ["30"], id="12-months"),
        pytest.param("month:3", CALIFORNIAN, {"interval_count": 11}, [], id="11-months"),
        pytest.param(
            "month:3", CALIFORNIAN, {"interval": "week", "interval_count": 52}, ["30"], id="weeks"
        ),
    ],
)
def test_a_law_wants_its_notice_whatever_the_shop_has_set(
    engine: Engine, reminders: str, address: Any, item: dict[str, Any], found: list[str]
) -> None:
    settings = shop.policy(renewal_reminders=parse_renewal_reminders(reminders))
    one = shop.item(interval=item.get("interval", "month"))
    one["price"]["recurring"]["interval_count"] = item.get("interval_count", 1)
    shop.mirror(
        engine, shop.customer(address=address), shop.subscription(NOW + 30 * DAY, items=[one])
    )
    shop.scan(engine, settings=settings)
    shop.scan(engine, settings=settings)

    assert sorted(row[0] for row in shop.rows(engine, "subject ->> 'days'")) == found


@pytest.mark.parametrize(
    ("ahead", "late"),
    [
        pytest.param(30 * DAY, None, id="in-time"),
        pytest.param(30 * DAY - SECOND, "true", id="missed-and-open"),
        pytest.param(15 * DAY, "true", id="on-the-edge"),
        pytest.param(15 * DAY - SECOND, "true", id="closed"),
    ],
)
def test_what_was_missed_inside_its_window_goes_out_at_once_and_says_late(
    engine: Engine, ahead: timedelta, late: str | None
) -> None:
    item = shop.item(interval="year")
    shop.mirror(
        engine,
        shop.customer(address=CALIFORNIAN),
        shop.subscription(NOW + ahead, items=[item]),
    )
    shop.scan(engine)

    until = str(shop.seconds(NOW + ahead - 15 * DAY))
    assert shop.rows(engine, "subject ->> 'late', subject ->> 'edge'") == [(late, until)]
    assert len(shop.claim(engine, NOW)) == 1
