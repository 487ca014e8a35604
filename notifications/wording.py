"""Amounts, dates and names as a reader of one language expects them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency

from notifications.languages import translations
from sync.money import major

# CLDR has no Thai words for these, so they stand in our catalogs: singular and plural.
PERIOD_TEXTS = {
    "day": ("%(num)s day", "%(num)s days"),
    "week": ("%(num)s week", "%(num)s weeks"),
    "month": ("%(num)s month", "%(num)s months"),
    "year": ("%(num)s year", "%(num)s years"),
}
_BUDDHIST_OFFSET_YEARS = 543
# CLDR's currencySpacing sets a space between letters and digits, as in "THB 29.00", and Babel
# does not. Source: unicode.org/reports/tr35/tr35-numbers.html, "Currency Formats".
_CODE_AT_DIGIT = re.compile(r"(?<=[A-Z]{3})(?=\d)")
_LONGEST_NAME = 60
# Controls, formats (bidi overrides, zero width), surrogates, private use, unassigned.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# Somebody who signs up as "win-big.example" wants our mail to carry a link to strangers.
_LIKE_AN_ADDRESS = re.compile(r"[/@\\<>]|\w{2,}\.\w{2,}")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor units, as Stripe counts them."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time as Stripe counts it: `count` times an interval such as `month`."""

    interval: str
    count: int


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language, in one time zone, writes values."""

    locale: Locale
    zone: ZoneInfo
    buddhist_era: bool

    def money(self, money: Money) -> str:
        """Return the amount with its currency, with Stripe's exponents."""
        amount = major(money.amount_minor, money.currency)
        written = format_currency(amount, money.currency.upper(), locale=self.locale)
        return _CODE_AT_DIGIT.sub("\N{NO-BREAK SPACE}", written)

    def date(self, instant: datetime) -> str:
        """Return the day on which `instant` falls here, with the month as a word.

        A Thai date counts from the Buddha's passing where the shop wishes it, and says
        "ค.ศ." where it does not.
        """
        day = instant.astimezone(self.zone).date()
        if self.locale.language == "th" and self.buddhist_era:
            written = format_date(day, "d MMMM", locale=self.locale)
            return f"{written} {day.year + _BUDDHIST_OFFSET_YEARS}"
        return format_date(day, "long", locale=self.locale)

    def period(self, period: Period) -> str:
        """Return the stretch of time in words, such as "3 months"."""
        catalog = translations(self.locale.language)
        written = catalog.ungettext(*PERIOD_TEXTS[period.interval], period.count)
        return str(written) % {"num": period.count}

    def listed(self, parts: Sequence[str]) -> str:
        """Return `parts` as one enumeration; Thai sets names side by side, as they may be Latin."""
        if self.locale.language == "th":
            return ", ".join(parts)
        return str(format_list(list(parts), locale=self.locale))


def printable(text: str) -> str:
    """Return `text` on one line, without anything that controls how text is shown or sent."""
    kept = (" " if char.isspace() else char for char in text)
    return " ".join("".join(c for c in kept if unicodedata.category(c) not in _UNPRINTABLE).split())


def name_to_greet(name: str | None) -> str:
    """Return a customer's name fit for a greeting, empty where there is none to trust."""
    clean = printable(name or "")
    if len(clean) > _LONGEST_NAME or _LIKE_AN_ADDRESS.search(clean):
        return ""
    return clean
