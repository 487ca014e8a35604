"""Quiet hours: at which hours of the customer's own day a mail may go out.

Source: lifecycle, row heads of section 6b and section 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from notifications.timing import Category
from sync.errors import SettingsError
from sync.mirror.facts import CustomerFacts

DEFAULT = "transactional:08:00-21:00,marketing:09:00-18:00"
# What a shop may write the zone into, at the customer.
_METADATA = ("timezone", "time_zone")
_ONE_DAY = timedelta(days=1)
_ONE_HOUR = timedelta(hours=1)

# Of countries with several zones, the one most people live in; the rest are CLDR's.
MOST_POPULOUS: Mapping[str, str] = MappingProxyType(
    {
        "AR": "America/Argentina/Buenos_Aires",
        "AU": "Australia/Sydney",
        "BR": "America/Sao_Paulo",
        "CA": "America/Toronto",
        "CD": "Africa/Kinshasa",
        "CL": "America/Santiago",
        "CN": "Asia/Shanghai",
        "CY": "Asia/Nicosia",
        "DE": "Europe/Berlin",
        "EC": "America/Guayaquil",
        "ES": "Europe/Madrid",
        "FM": "Pacific/Chuuk",
        "GL": "America/Nuuk",
        "ID": "Asia/Jakarta",
        "KI": "Pacific/Tarawa",
        "KZ": "Asia/Almaty",
        "MH": "Pacific/Majuro",
        "MN": "Asia/Ulaanbaatar",
        "MX": "America/Mexico_City",
        "MY": "Asia/Kuala_Lumpur",
        "NZ": "Pacific/Auckland",
        "PF": "Pacific/Tahiti",
        "PG": "Pacific/Port_Moresby",
        "PS": "Asia/Hebron",
        "PT": "Europe/Lisbon",
        "RU": "Europe/Moscow",
        "UA": "Europe/Kyiv",
        "US": "America/New_York",
        "UZ": "Asia/Tashkent",
    },
)


@dataclass(frozen=True, slots=True)
class Hours:
    """The part of a day in which mail may go out: from `opens` until before `closes`."""

    opens: time
    closes: time

    def opening(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return `now` when mail may go out, else when it may next; aware UTC."""
        local = now.astimezone(zone)
        if self.opens <= local.time() < self.closes:
            return now
        day = local.date() if local.time() < self.opens else local.date() + _ONE_DAY
        return datetime.combine(day, self.opens, tzinfo=zone).astimezone(UTC)

    def last_open(self, now: datetime, zone: ZoneInfo) -> datetime:
        """Return `now` when mail may go out, else an hour before that last ended; aware UTC."""
        local = now.astimezone(zone)
        if self.opens <= local.time() < self.closes:
            return now
        day = local.date() if local.time() >= self.closes else local.date() - _ONE_DAY
        opened, closed = (datetime.combine(day, at, zone) for at in (self.opens, self.closes))
        return max(opened.astimezone(UTC), closed.astimezone(UTC) - _ONE_HOUR)


def parse(text: str) -> Mapping[Category, Hours]:
    """Return the hours of `transactional:08:00-21:00,marketing:09:00-18:00`.

    What is not named keeps its default.

    Raises:
        SettingsError: the text has another form; says which part and what is allowed.
    """
    given = dict(_part(part.strip()) for part in text.split(",") if part.strip())
    return MappingProxyType({**_DEFAULTS, **given})


def _part(part: str) -> tuple[Category, Hours]:
    name, _, span = part.partition(":")
    opens, _, closes = span.partition("-")
    named = next((known for known in _CUSTOMERS if known == name.strip()), None)
    try:
        hours = Hours(time.fromisoformat(opens.strip()), time.fromisoformat(closes.strip()))
    except ValueError:
        hours = Hours(time.min, time.min)
    aware = hours.opens.tzinfo or hours.closes.tzinfo
    if named is None or aware or hours.opens >= hours.closes:
        raise SettingsError(
            f"{part!r}: write transactional:08:00-21:00 or marketing:09:00-18:00, within one day"
        )
    return named, hours


# Internal mail knows no hours.
_CUSTOMERS: tuple[Category, ...] = ("transactional", "marketing")
_DEFAULTS: Mapping[Category, Hours] = {
    "transactional": Hours(time(8), time(21)),
    "marketing": Hours(time(9), time(18)),
}


def zone_of(customer: CustomerFacts, account_zone: str) -> ZoneInfo:
    """Return the zone in which a customer's day is counted: see `zone_for`."""
    return zone_for(customer.country, customer.metadata, account_zone)


def zone_for(country: str | None, metadata: Mapping[str, str], account_zone: str) -> ZoneInfo:
    """Return the zone of somebody in `country`.

    The shop's note at the customer comes first, then the country, then the account's zone. In a
    country with several zones it is the account's, where that lies there, else the one most
    people live in.
    """
    notes = (metadata.get(name, "") for name in _METADATA)
    for wish in (*notes, _zone_in((country or "").strip().upper(), account_zone)):
        found = _known(wish)
        if found:
            return found
    return ZoneInfo(account_zone)


def _zone_in(country: str, account_zone: str) -> str:
    zones = get_global("territory_zones").get(country, ())
    if account_zone in zones:
        return account_zone
    return MOST_POPULOUS.get(country) or (zones[0] if len(zones) == 1 else "")


def _known(name: object) -> ZoneInfo | None:
    """Return the zone called so, None where there is none; customers' notes say anything."""
    if not isinstance(name, str) or not name.strip():
        return None
    try:
        return ZoneInfo(name.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
