from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.console import words
from app.console.counts import Count


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (123_456, "usd", "1,234.56 USD"),
        (-5, "eur", "-0.05 EUR"),
        (0, "thb", "0.00 THB"),
        (500, "jpy", "500 JPY"),
        (1_234_567, "kwd", "1,234.567 KWD"),
        (None, "usd", words.NOTHING),
        (100, None, words.NOTHING),
    ],
)
def test_money_is_written_in_whole_units(
    amount_minor: int | None, currency: str | None, written: str
) -> None:
    assert words.money(amount_minor, currency) == written


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (-5, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (7260, "2 h 1 min"),
        (7201, "2 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_span_is_written_by_its_two_greatest_units(seconds: float, written: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == written


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("period_end", "1796083200", "2026-12-01 00:00:00Z"),
        ("ends_at", 1796083200, "2026-12-01 00:00:00Z"),
        ("period_end", "9" * 11, "9" * 11),
        ("period_end", "soon", "soon"),
        ("number", "1796083200", "1796083200"),
    ],
)
def test_a_mails_fact_is_an_instant_where_its_name_says_so(
    name: str, value: object, written: str
) -> None:
    assert words.fact(value, name) == written


def test_an_instant_is_written_in_utc() -> None:
    bangkok = datetime(2026, 12, 1, 6, 30, 5, tzinfo=timezone(timedelta(hours=7)))

    assert words.instant(bangkok) == "2026-11-30 23:30:05Z"
    assert words.day(bangkok) == "2026-11-30"
    assert words.instant(None) == words.day(None) == words.NOTHING


@pytest.mark.parametrize(
    ("count", "written"),
    [
        (Count(0), "0"),
        (Count(12_345), "12,345"),
        (Count(10_000, "at least"), "10,000+"),
        (Count(12_345, "about"), "about 12,300"),
        (Count(9_876_543, "about"), "about 9,880,000"),
    ],
)
def test_an_estimate_never_looks_exact(count: Count, written: str) -> None:
    assert str(count) == written


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b'{"a": {"b": "\\u0e01"}}', '"b": "\u0e01"'),
        (b'{"a": "\\ud800"}', "\\ud800"),
        (b"\xff\x00<", "\\xff\x00<"),
        (b"[" * 100_000, "[[["),
        (b"9" * 10_000, "999"),
        (b"", ""),
        (b"NaN", "NaN"),
    ],
    ids=["thai", "lone-surrogate", "no-utf-8", "deep", "huge-number", "empty", "nan"],
)
def test_any_payload_can_be_looked_at(body: bytes, part: str) -> None:
    shown = words.payload(body)

    assert part in shown
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_a_long_payload_is_cut_and_says_so() -> None:
    fits, cut = (words.payload(b"x" * (words.LONGEST_JSON + more)) for more in (0, 7))

    assert len(fits) == words.LONGEST_JSON
    assert cut.endswith("\n… 7 more characters")


@pytest.mark.parametrize(
    ("state", "tone"), [("dead", "bad"), ("done", "good"), ("a new one", "quiet"), (None, "quiet")]
)
def test_every_state_has_a_tone(state: str | None, tone: str) -> None:
    assert words.tone(state) == tone


def test_instants_need_no_particular_zone() -> None:
    assert words.instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00Z"
