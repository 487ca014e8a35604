"""The mails' words: complete in every language, and right in their details."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

import app
from notifications import catalogue, samples
from notifications.kinds import KINDS
from notifications.languages import LANGUAGES, locale_for, translations
from notifications.policy import Brand
from notifications.render import Rendered, RenderFailed, render, render_with
from notifications.templates import OURS
from notifications.wording import (
    PERIOD_TEXTS,
    PRICE_TEXTS,
    Money,
    Period,
    Price,
    Wording,
    name_to_greet,
    printable,
)
from sync.mirror.facts import CustomerFacts
from tests.notifications import shop

ALL = [
    pytest.param(kind, sample, language, id=f"{kind}-{sample}-{language}")
    for kind in KINDS
    for sample in KINDS[kind].samples(shop.policy())
    for language in LANGUAGES
]
FACTS = {
    "subscription_started": ["2026-12-31"],
    "trial_ended_no_card": ["1 Rose Lane, London"],
    "access_suspended": ["Garden Box"],
    "ended_nonpayment": ["billing@garden.example"],
    "cancel_scheduled": ["2026-12-31"],
    "cancel_reversed": ["2026-12-31"],
    "ended_voluntary": ["1 Rose Lane, London"],
    "paused": ["Garden Box"],
    "receipt": ["2900", "GB-0042"],
    "refund_confirmed": ["2900"],
    "digest": ["Garden Box"],
    "dispute_alert": ["https://dashboard.stripe.com/test/", "cus_sample"],
    "payment_failed": ["2900", "GB-0042"],
    "action_required": ["2900", "GB-0042"],
    "final_notice": ["2900", "GB-0042"],
    "payment_recovered": ["2900", "GB-0042"],
    "dunning_task": ["2900", "GB-0042", "cus_sample"],
    "renewal_reminder": ["2026-12-31"],
    "trial_ending": ["2026-12-31"],
    "promo_ending": ["2026-12-31"],
    "annual_terms_reminder": ["2025-12-01"],
    "price_change": ["2026-12-31"],
    "card_expiring": ["Visa ••4242"],
    "resuming": ["Garden Box"],
    "stock_alert": ["COFFEE-250", "main"],
    "invoice_due": ["2900", "billing@garden.example"],
    "winback_delinquent": ["1 Rose Lane, London"],
    "winback_task": ["cus_sample", "https://dashboard.stripe.com/test/customers/cus_sample"],
    "winback_voluntary": ["Garden Box", "1 Rose Lane, London"],
}


def words(kind: str, sample: str, language: str, **settings: Any) -> Rendered:
    case = KINDS[kind].samples(shop.policy(**settings))[sample]
    return render(KINDS[kind], case, Locale(language))


def test_every_kind_has_facts_to_look_for() -> None:
    assert set(FACTS) == set(KINDS)


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_every_mail_in_every_language(kind: str, sample: str, language: str) -> None:
    mail = words(kind, sample, language)
    writes = Wording(Locale(language), shop.policy().zone, buddhist_era=False)
    written = {
        "2900": writes.money(Money(2900, "usd")),
        "2026-12-31": writes.date(samples.PERIOD_END),
        "2025-12-01": writes.date(samples.NOW.replace(year=2025)),
    }
    for fact in FACTS[kind]:
        assert written.get(fact, fact) in mail.text
        assert written.get(fact, fact) in mail.html.replace("\N{NO-BREAK SPACE}", " ")

    # A day's figures and a shelf are about nobody.
    assert "Ada Lovelace" in mail.text or kind in {"digest", "stock_alert"}
    assert f'lang="{language}"' in mail.html
    assert 'content="light dark"' in mail.html
    assert len(mail.html.encode()) < 102 * 1024
    assert not re.search(
        r"\{[{%]|%\(|None|&amp;(amp|lt|gt|#)", mail.html + mail.text + mail.subject
    )
    frames = re.findall(r"<table[^>]*>", mail.html)
    facts = mail.html.count('<tr><th scope="row"') > 0
    assert sum('role="presentation"' not in frame for frame in frames) == facts
    assert not re.search(r"<link|@import|<script", mail.html)
    assert 0 < len(mail.subject) < 90
    thai = re.search(r"[\u0e00-\u0e7f]", mail.subject + mail.text)
    assert bool(thai) is (language == "th")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated(language: str) -> None:
    pages = Path(app.__file__ or "").parent / "templates" / "customer_links"
    files = [path for folder in (OURS, pages) for path in folder.rglob("*") if path.is_file()]

    assert len(files) > 10
    assert catalogue.untranslated(files, language) == []


def test_an_unknown_text_is_found_untranslated(tmp_path: Path) -> None:
    template = tmp_path / "body.txt"
    template.write_text("{% trans %}Never said before{% endtrans %} {{ _('Nor this') }}")

    assert catalogue.untranslated([template], "th") == ["Never said before", "Nor this"]
    assert catalogue.untranslated([template], "en") == []


@pytest.mark.parametrize(
    ("sample", "says", "says_not"),
    [
        pytest.param("first", "We will try again on December 4", "not try again", id="retry-known"),
        pytest.param("third-no-more-retries", "We will not try again", "December", id="no-retry"),
        pytest.param("being-charged", "Pay now", "try again", id="retry-now"),
    ],
)
def test_a_failed_payment_says_what_happens_next(sample: str, says: str, says_not: str) -> None:
    text = words("payment_failed", sample, "en").text

    assert says in text
    assert says_not not in text


@pytest.mark.parametrize(
    ("country", "metadata", "day"),
    [
        pytest.param(None, {}, "January 1, 2027", id="the-accounts-day"),
        pytest.param("US", {}, "December 31, 2026", id="the-countrys-day"),
        pytest.param("US", {"timezone": "Asia/Tokyo"}, "January 1, 2027", id="the-shops-note"),
    ],
)
def test_a_day_is_the_customers_own(country: str | None, metadata: Any, day: str) -> None:
    """Who shall cancel before a day must not be charged on the evening before."""
    kind, policy = KINDS["trial_ending"], shop.policy(timezone="Asia/Bangkok")
    case = kind.samples(policy)["card"]
    who = replace(case.customer, country=country, metadata=metadata)
    ends = {"trial_end": str(int(BEFORE_MIDNIGHT.timestamp()))}

    mail = render(kind, replace(case, customer=who, subject={**case.subject, **ends}), Locale("en"))
    assert f"Trial ends on: {day}" in mail.text


def test_an_internal_mail_tells_the_accounts_day() -> None:
    kind, policy = KINDS["dunning_task"], shop.policy(timezone="Asia/Bangkok")
    case = kind.samples(policy)["retried"]
    abroad = replace(case, customer=replace(case.customer, country="US"))

    assert render(kind, abroad) == render(kind, case)


def test_only_marketing_can_be_refused() -> None:
    assert words("winback_voluntary", "price", "en").unsubscribe_url is not None
    assert words("payment_failed", "first", "en").unsubscribe_url is None


THAI = Wording(Locale("th"), shop.policy(timezone="Asia/Bangkok").zone, buddhist_era=True)
CHRISTIAN = Wording(Locale("th"), shop.policy(timezone="Asia/Bangkok").zone, buddhist_era=False)
BRITISH = Wording(Locale("en", "GB"), shop.policy().zone, buddhist_era=True)
BEFORE_MIDNIGHT = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(THAI.date(BEFORE_MIDNIGHT), "1 มกราคม 2570", id="buddhist-next-day"),
        pytest.param(CHRISTIAN.date(BEFORE_MIDNIGHT), "1 มกราคม ค.ศ. 2027", id="christian"),
        pytest.param(BRITISH.date(BEFORE_MIDNIGHT), "31 December 2026", id="british"),
        pytest.param(THAI.money(Money(129000, "thb")), "฿1,290.00", id="baht"),
        pytest.param(BRITISH.money(Money(500, "jpy")), "JP¥500", id="no-minor-unit"),
        pytest.param(BRITISH.money(Money(500_00, "isk")), "ISK\N{NO-BREAK SPACE}500", id="krona"),
        pytest.param(
            BRITISH.money(Money(1234, "kwd")), "KWD\N{NO-BREAK SPACE}1.234", id="thousandths"
        ),
        pytest.param(
            BRITISH.money(Money(1999_50, "rsd")),
            "RSD\N{NO-BREAK SPACE}1,999.50",
            id="hundredths-out-of-use",
        ),
        pytest.param(THAI.period(Period("month", 1)), "เดือน", id="thai-month"),
        pytest.param(THAI.period(Period("month", 3)), " 3 เดือน", id="thai-months"),
        pytest.param(BRITISH.period(Period("year", 1)), "year", id="one-year"),
        pytest.param(BRITISH.period(Period("week", 2)), "2 weeks", id="two-weeks"),
        pytest.param(BRITISH.listed(["A", "B"]), "A and B", id="two"),
        pytest.param(THAI.listed(["A", "B"]), "A, B", id="two-in-thai"),
    ],
)
def test_values_are_written_as_their_reader_expects(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize("interval", PERIOD_TEXTS)
def test_every_period_has_its_thai_word(interval: str) -> None:
    assert interval not in THAI.period(Period(interval, 1)) + THAI.period(Period(interval, 2))


@pytest.mark.parametrize("text", PRICE_TEXTS.values())
def test_every_price_has_its_thai_words(text: str) -> None:
    assert translations("th").ugettext(text) != text


MONTHLY, YEARLY = (Money(2900, "usd"), Period("month", 1)), (Money(29000, "usd"), Period("year", 1))
WEEKLY = (Money(500, "usd"), Period("week", 2))


@pytest.mark.parametrize(
    ("price", "english", "thai"),
    [
        pytest.param(Price((MONTHLY,)), "US$29.00 per month", "US$29.00 ต่อเดือน", id="one"),
        pytest.param(
            Price((MONTHLY, YEARLY)),
            "US$29.00 per month and US$290.00 per year",
            "US$29.00 ต่อเดือน และ US$290.00 ต่อปี",
            id="two",
        ),
        pytest.param(
            Price((WEEKLY, MONTHLY, YEARLY)),
            "US$5.00 per 2 weeks and US$29.00 per month and US$290.00 per year",
            "US$5.00 ต่อ 2 สัปดาห์ และ US$29.00 ต่อเดือน และ US$290.00 ต่อปี",
            id="three",
        ),
        pytest.param(
            Price((MONTHLY,), is_metered=True),
            "US$29.00 per month, plus usage",
            "US$29.00 ต่อเดือน บวกค่าบริการตามการใช้งาน",
            id="and-usage",
        ),
        pytest.param(
            Price((), is_metered=True), "depends on your usage", "ตามการใช้งานจริง", id="usage"
        ),
        pytest.param(Price(()), "free of charge", "ไม่มีค่าใช้จ่าย", id="free"),
    ],
)
def test_a_price_is_told_by_period(price: Price, english: str, thai: str) -> None:
    assert (BRITISH.price(price), THAI.price(price)) == (english, thai)


def person(**changed: Any) -> CustomerFacts:
    fields = {name: getattr(samples.CUSTOMER, name) for name in CustomerFacts.__slots__}
    return CustomerFacts(**{**fields, **changed})


@pytest.mark.parametrize(
    ("customer", "locale"),
    [
        pytest.param(person(), "en", id="nothing-known"),
        pytest.param(person(preferred_locales=("th",)), "th", id="chosen"),
        pytest.param(person(preferred_locales=("th-TH",)), "th_TH", id="with-country"),
        pytest.param(person(preferred_locales=("de", "th")), "th", id="second-choice"),
        pytest.param(person(preferred_locales=("de",), country="TH"), "th_TH", id="country-helps"),
        pytest.param(
            person(preferred_locales=("en",), country="TH"), "en", id="choice-before-land"
        ),
        pytest.param(person(metadata={"locale": "th"}), "th", id="shops-note"),
        pytest.param(person(metadata={"language": "th_TH.UTF-8"}), "th_TH", id="shops-other-note"),
        pytest.param(person(country="TH"), "th_TH", id="country"),
        pytest.param(person(country="GB"), "en_GB", id="default-in-their-country"),
        pytest.param(person(preferred_locales=("xx-bogus", "", "!", "th")), "th", id="nonsense"),
        pytest.param(None, "en", id="nobody"),
    ],
)
def test_the_language_is_the_customers(customer: CustomerFacts | None, locale: str) -> None:
    assert str(locale_for(customer, "en")) == locale


@given(st.text(), st.text(max_size=3))
def test_any_wish_for_a_language_gets_one(wish: str, country: str) -> None:
    found = locale_for(person(preferred_locales=(wish,), country=country), wish)

    assert found.language in LANGUAGES


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        pytest.param("Ada Lovelace", "Ada Lovelace", id="plain"),
        pytest.param("สมชาย ใจดี", "สมชาย ใจดี", id="thai"),
        pytest.param("J.R. O'Neil-Müller", "J.R. O'Neil-Müller", id="initials"),
        pytest.param("A\r\nBcc: x", "A Bcc: x", id="line-breaks"),
        pytest.param("\u202eevil\u200b", "evil", id="bidi-and-zero-width"),
        pytest.param("Win at evil.example", "", id="a-host"),
        pytest.param("https://evil", "", id="a-link"),
        pytest.param("me@evil", "", id="an-address"),
        pytest.param("x" * 60, "x" * 60, id="long"),
        pytest.param("x" * 61, "", id="too-long"),
        pytest.param(None, "", id="none"),
    ],
)
def test_a_name_is_greeted_only_when_it_looks_like_one(name: str | None, greeted: str) -> None:
    assert name_to_greet(name) == greeted


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = printable(text)

    assert printable(line) == line
    assert all(char.isprintable() for char in line)


def override(folder: Path, name: str, content: str) -> str:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return str(folder)


def test_a_shops_own_template_wins_and_a_language_of_it_wins_over_that(tmp_path: Path) -> None:
    override(tmp_path, "payment_failed/subject.txt", "Own {{ amount|money }}")
    folder = override(tmp_path, "payment_failed/th/subject.txt", "ของเรา {{ amount|money }}")

    assert words("payment_failed", "first", "en", templates_dir=folder).subject == "Own $29.00"
    assert words("payment_failed", "first", "th", templates_dir=folder).subject == "ของเรา US$29.00"


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ nobody_knows }}", id="unknown-name"),
        pytest.param("{% if %}", id="no-template"),
        pytest.param("{{ ''.__class__.__mro__ }}", id="break-out"),
        pytest.param("{{ range(10**9)|list }}", id="eats-memory"),
        pytest.param("{{ 1/0 }}", id="arithmetic"),
    ],
)
def test_a_broken_template_of_the_shop_gives_way_to_ours(tmp_path: Path, template: str) -> None:
    folder = override(tmp_path, "payment_failed/subject.txt", template)
    kind = KINDS["payment_failed"]
    case = kind.samples(shop.policy(templates_dir=folder))["first"]

    assert render(kind, case, Locale("en")).subject.startswith("Your payment of $29.00")
    with pytest.raises(RenderFailed):
        render_with(kind, case, Locale("en"), folder)


def test_no_template_can_reach_a_secret(tmp_path: Path) -> None:
    secret = "{{ policy.link_secrets }}{{ self }}{{ wording.__init__.__globals__ }}"
    folder = override(tmp_path, "payment_failed/subject.txt", secret)

    assert "secret" not in words("payment_failed", "first", "en", templates_dir=folder).subject


def test_customers_data_is_text_and_never_markup() -> None:
    brand = Brand(name="<b>Shop</b> & Söhne")
    mail = words("payment_failed", "first", "en", brand=brand)

    assert "<b>Shop" not in mail.html
    assert "&lt;b&gt;Shop&lt;/b&gt; &amp; Söhne" in mail.html
    assert "<b>Shop</b> & Söhne" in mail.text
