"""At which hour of the customer's own day a mail may go out."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from babel.core import get_global

from notifications import hours, samples
from notifications.hours import MOST_POPULOUS, Hours, zone_of
from sync.errors import SettingsError
from sync.mirror.facts import CustomerFacts

TRANSACTIONAL = hours.parse("")["transactional"]
BANGKOK, NEW_YORK = ZoneInfo("Asia/Bangkok"), ZoneInfo("America/New_York")


def customer(country: str | None = None, **metadata: str) -> CustomerFacts:
    return replace(samples.CUSTOMER, country=country, metadata=metadata)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        pytest.param("2026-12-01T07:59:59+07:00", "2026-12-01T08:00+07:00", id="just-before"),
        pytest.param("2026-12-01T08:00:00+07:00", "2026-12-01T08:00+07:00", id="opens"),
        pytest.param("2026-12-01T20:59:59+07:00", "2026-12-01T20:59:59+07:00", id="last-second"),
        pytest.param("2026-12-01T21:00:00+07:00", "2026-12-02T08:00+07:00", id="closes"),
        pytest.param("2026-12-31T23:30:00+07:00", "2027-01-01T08:00+07:00", id="over-new-year"),
        pytest.param("2026-12-01T00:00:00+07:00", "2026-12-01T08:00+07:00", id="midnight"),
    ],
)
def test_mail_waits_for_the_morning_of_the_customer(now: str, opening: str) -> None:
    found = TRANSACTIONAL.opening(datetime.fromisoformat(now), BANGKOK)

    assert found == datetime.fromisoformat(opening)


@pytest.mark.parametrize(
    ("evening", "opening"),
    [
        pytest.param("2026-03-08T02:00Z", "2026-03-08T12:00Z", id="clocks-go-forward"),
        pytest.param("2026-11-01T01:00Z", "2026-11-01T13:00Z", id="clocks-go-back"),
    ],
)
def test_morning_is_by_the_wall_clock_when_clocks_change(evening: str, opening: str) -> None:
    found = TRANSACTIONAL.opening(datetime.fromisoformat(evening), NEW_YORK)

    assert found == datetime.fromisoformat(opening)
    assert found.tzinfo == UTC


@pytest.mark.parametrize(
    ("now", "evening"),
    [
        pytest.param("2026-12-01T07:59:59+07:00", "2026-11-30T20:00+07:00", id="before-it-opens"),
        pytest.param("2026-12-01T08:00:00+07:00", "2026-12-01T08:00+07:00", id="opens"),
        pytest.param("2026-12-01T20:59:59+07:00", "2026-12-01T20:59:59+07:00", id="last-second"),
        pytest.param("2026-12-01T21:00:00+07:00", "2026-12-01T20:00+07:00", id="closes"),
        pytest.param("2027-01-01T00:00:00+07:00", "2026-12-31T20:00+07:00", id="midnight"),
    ],
)
def test_what_cannot_wait_goes_out_the_evening_before(now: str, evening: str) -> None:
    found = TRANSACTIONAL.last_open(datetime.fromisoformat(now), BANGKOK)

    assert found == datetime.fromisoformat(evening)


def test_of_hours_shorter_than_one_the_evening_is_their_beginning() -> None:
    short = hours.parse("transactional:12:00-12:30")["transactional"]
    found = short.last_open(datetime.fromisoformat("2026-12-01T13:00+07:00"), BANGKOK)

    assert found == datetime.fromisoformat("2026-12-01T12:00+07:00")


@pytest.mark.parametrize(
    ("who", "account", "zone"),
    [
        pytest.param(customer("TH"), "UTC", "Asia/Bangkok", id="country"),
        pytest.param(customer("th"), "UTC", "Asia/Bangkok", id="small-letters"),
        pytest.param(
            customer("TH", timezone="Europe/Paris"), "UTC", "Europe/Paris", id="note-first"
        ),
        pytest.param(customer("TH", timezone="Nowhere/Land"), "UTC", "Asia/Bangkok", id="bad-note"),
        pytest.param(customer("TH", timezone="../../etc"), "UTC", "Asia/Bangkok", id="odd-note"),
        pytest.param(customer("US"), "UTC", "America/New_York", id="most-populous"),
        pytest.param(customer("US"), "America/Denver", "America/Denver", id="accounts-own-there"),
        pytest.param(customer("XX"), "Asia/Tokyo", "Asia/Tokyo", id="unknown-country"),
        pytest.param(customer(), "Asia/Tokyo", "Asia/Tokyo", id="no-country"),
    ],
)
def test_a_customers_zone(who: CustomerFacts, account: str, zone: str) -> None:
    assert zone_of(who, account) == ZoneInfo(zone)


def test_every_country_with_several_zones_has_a_chosen_one() -> None:
    several = {
        country
        for country, zones in get_global("territory_zones").items()
        if len(zones) > 1 and country.isalpha()
    }
    # Nobody lives in these for long, and ZZ is no country.
    assert several - {"AQ", "UM", "ZZ"} == set(MOST_POPULOUS)
    assert set(MOST_POPULOUS.values()) <= available_timezones()


def test_hours_are_read_from_text() -> None:
    read = hours.parse(" marketing:10:00-16:30 ")

    assert read["marketing"] == Hours(time(10), time(16, 30))
    assert read["transactional"] == Hours(time(8), time(21))
    assert hours.parse(hours.DEFAULT) == hours.parse("")


@pytest.mark.parametrize(
    "text",
    [
        "marketing",
        "internal:08:00-09:00",
        "marketing:18:00-09:00",
        "marketing:09:00-09:00",
        "marketing:25:00-26:00",
        "marketing:09:00Z-10:00Z",
    ],
)
def test_odd_hours_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="08:00-21:00"):
        hours.parse(text)


def test_a_window_is_never_further_away_than_a_day() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    for minutes in range(0, 24 * 60, 7):
        at = now + timedelta(minutes=minutes)
        assert timedelta(0) <= TRANSACTIONAL.opening(at, BANGKOK) - at < timedelta(days=1)
