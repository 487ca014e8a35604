"""How values are written on a page: money, times, spans, states and JSON."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.money import major

NOTHING = "\N{EN DASH}"
LONGEST_JSON = 200_000
# How Stripe calls its instants, and we those that we made of them.
_NAMES_AN_INSTANT = re.compile(r"_(?:at|end|date)$|^(?:edge|since)$")
_UNIX_SECONDS = re.compile(r"[0-9]{9,10}")

# What a state means to an operator; whatever is not named here is told without colour.
_TONES: Mapping[str, str] = {
    **dict.fromkeys("done sent active paid trialing mapped succeeded complete".split(), "good"),
    **dict.fromkeys("pending leased sending planned open past_due paused draft".split(), "wait"),
    **dict.fromkeys("parked unknown unmapped low incomplete refund_review".split(), "warn"),
    **dict.fromkeys("dead failed negative unpaid uncollectible oversold".split(), "bad"),
}


def tone(state: str | None) -> str:
    """Return the colour class of a state: good, wait, warn, bad or quiet."""
    return _TONES.get(state or "", "quiet")


def instant(moment: datetime | None) -> str:
    """Return an instant as ISO 8601 in UTC, to the second."""
    if moment is None:
        return NOTHING
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def fact(value: object, name: str) -> str:
    """Return what an effect knows by `name`; Unix seconds, which mails carry, as an instant."""
    text = str(value)
    if _NAMES_AN_INSTANT.search(name) and _UNIX_SECONDS.fullmatch(text):
        return instant(datetime.fromtimestamp(int(text), UTC))
    return text


def day(moment: datetime | None) -> str:
    """Return the UTC date of an instant."""
    return NOTHING if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d")


def money(amount_minor: int | None, currency: str | None) -> str:
    """Return an amount in whole units with its currency's code."""
    if amount_minor is None or not currency:
        return NOTHING
    return f"{major(amount_minor, currency):,} {currency.upper()}"


def span(length: timedelta) -> str:
    """Return a length of time by its two greatest units."""
    seconds = max(0, int(length.total_seconds()))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, seconds = divmod(seconds, size)
        parts.append((amount, unit))
    first = next((n for n, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    shown = [f"{amount} {unit}" for amount, unit in parts[first : first + 2] if amount]
    return " ".join(shown) or "0 s"


def phrase(slug: str | None) -> str:
    """Return a slug such as `past_due` as words."""
    return (slug or NOTHING).replace("_", " ")


def pretty(value: Any) -> str:
    """Return a value of JSON, indented."""
    return printable(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def payload(body: bytes) -> str:
    """Return a delivery's bytes to look at: indented where they are JSON, else as they came.

    Parked bodies may be anything, so nothing here may fail. What is longer than
    `LONGEST_JSON` characters is cut.
    """
    try:
        shown = pretty(json.loads(body))
    except (ValueError, RecursionError):
        shown = body.decode("utf-8", "backslashreplace")
    cut = shown[:LONGEST_JSON]
    return cut if cut == shown else f"{cut}\n… {len(shown) - len(cut):,} more characters"


def printable(text: str) -> str:
    """Return `text` without the halves of surrogate pairs, which cannot be sent as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
