"""Amounts, dates and names as a reader of one language expects them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency, get_currency_precision

from notifications.languages import translations
from sync.money import major

# CLDR has no Thai words for these, so they stand in our catalogs: one, and several.
PERIOD_TEXTS = {
    "day": ("day", "%(num)s days"),
    "week": ("week", "%(num)s weeks"),
    "month": ("month", "%(num)s months"),
    "year": ("year", "%(num)s years"),
}
PRICE_TEXTS = {
    "one": "%(price)s per %(period)s",
    "several": "%(price)s and %(next)s",
    "with_usage": "%(price)s, plus usage",
    "usage": "depends on your usage",
    "free": "free of charge",
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
class Price:
    """What is paid again and again: an amount for each period, of those that are not nothing.

    `is_metered`: a part of it depends on use, and is known only afterwards.
    """

    lines: tuple[tuple[Money, Period], ...]
    is_metered: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it is nothing, whatever the use."""
        return not self.lines and not self.is_metered

    @property
    def is_fixed(self) -> bool:
        """Whether it is all amounts, so that it can be set against another."""
        return bool(self.lines) and not self.is_metered


@dataclass(frozen=True, slots=True)
class Wording:
    """How one language, in one time zone, writes values."""

    locale: Locale
    zone: ZoneInfo
    buddhist_era: bool

    def money(self, money: Money) -> str:
        """Return the amount with its currency, exactly, with Stripe's exponents.

        CLDR writes no hundredths where they are out of use, as of the Serbian dinar; where such
        an amount is charged, it is written.
        """
        amount, code = major(money.amount_minor, money.currency), money.currency.upper()
        is_usual = round(amount, get_currency_precision(code)) == amount
        written = format_currency(amount, code, locale=self.locale, currency_digits=is_usual)
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
        """Return the stretch of time as it stands after "per": "month" or "3 months"."""
        catalog = translations(self.locale.language)
        one, several = PERIOD_TEXTS[period.interval]
        if period.count == 1:
            return str(catalog.ugettext(one))
        return str(catalog.ugettext(several)) % {"num": period.count}

    def price(self, price: Price) -> str:
        """Return what is paid, and how often: "$29.00 per month and $290.00 per year"."""
        if not price.lines:
            return self._said("usage" if price.is_metered else "free")
        lines = [
            self._said("one", price=self.money(money), period=self.period(period))
            for money, period in price.lines
        ]
        whole = reduce(lambda said, line: self._said("several", price=said, next=line), lines)
        return self._said("with_usage", price=whole) if price.is_metered else whole

    def _said(self, text: str, **values: str) -> str:
        return str(translations(self.locale.language).ugettext(PRICE_TEXTS[text])) % values

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
