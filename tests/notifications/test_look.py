"""What every mail must be to be read: by eyes, by screen readers, in the dark, as plain text."""

import html
import re
from functools import cache

import pytest
from babel import Locale

from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.lint import MAX_HTML_BYTES
from notifications.policy import Brand, MailPolicy
from notifications.render import Rendered, render_with
from tests.notifications import shop
from tests.notifications.contrast import ENOUGH, Declared, contrast

LOGO = "https://garden.example/logo.png"
BRAND = Brand(name="Garden Box", logo_url=LOGO, postal_address="1 Rose Lane, London")
POLICY = shop.policy(brand=BRAND, portal_url="https://portal.example")
ALL = [
    pytest.param(kind, sample, language, id=f"{kind}-{sample}-{language}")
    for kind in KINDS
    for sample in KINDS[kind].samples(POLICY)
    for language in LANGUAGES
]


@cache
def words(kind: str, sample: str, language: str) -> Rendered:
    return written(kind, sample, language, POLICY)


def written(kind: str, sample: str, language: str, policy: MailPolicy) -> Rendered:
    return render_with(KINDS[kind], KINDS[kind].samples(policy)[sample], Locale(language), None)


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_a_screen_reader_finds_its_way(kind: str, sample: str, language: str) -> None:
    mail = words(kind, sample, language)
    images = re.findall(r"<img[^>]*>", mail.html)

    assert f'<html lang="{language}"' in mail.html
    assert (
        html.unescape(re.findall(r"<title>(.*?)</title>", mail.html, re.DOTALL)[0]) == mail.subject
    )
    assert [re.findall(r'alt="([^"]*)"', image) for image in images] == [["Garden Box"]]
    assert '<meta name="color-scheme" content="light dark"' in mail.html
    for table in re.findall(r"<table[^>]*>\s*<t[rb][^>]*>(?:<tr>)?\s*<t[hd]", mail.html):
        assert ('role="presentation"' in table) == (not table.endswith("<th")), table


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_a_mail_is_short_enough_not_to_be_cut(kind: str, sample: str, language: str) -> None:
    assert len(words(kind, sample, language).html.encode()) < MAX_HTML_BYTES / 2


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_the_declared_colours_read_well_in_light(kind: str, sample: str, language: str) -> None:
    pairs = Declared(words(kind, sample, language).html).pairs

    assert len(pairs) >= 2
    assert {pair for pair in pairs if contrast(*pair) < ENOUGH} == set()


def test_the_declared_colours_read_well_in_the_dark() -> None:
    """All text stands on the card, but for the button's, which keeps the brand's colours."""
    dark = words("receipt", "one-line", "en").html.partition("(prefers-color-scheme: dark)")[2]
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", dark.partition("</style>")[0].partition("{")[2])
    said = {what.strip(): dict(re.findall(r"([a-z-]+): (#\w+)", how)) for what, how in rules}
    card = said[".card, .card > table"]["background"]
    texts = {what: how["color"] for what, how in said.items() if "color" in how}

    assert texts.pop(".button a") == BRAND.on_colour
    assert len(texts) == 2
    assert {what for what, colour in texts.items() if contrast(colour, card) < ENOUGH} == set()


@pytest.mark.parametrize("colour", ["#1f6f50", "#ffd400", "#000000", "#ffffff", "#767676"])
def test_a_button_reads_well_in_any_brands_colour(colour: str) -> None:
    brand = Brand(colour=colour)

    assert contrast(brand.on_colour, colour) >= ENOUGH


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_the_plain_text_says_all_and_is_well_set(kind: str, sample: str, language: str) -> None:
    mail = words(kind, sample, language)
    links = {html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"]+)"', mail.html)}
    lines = mail.text.splitlines()

    assert links <= set(lines)
    assert all(line in links or "://" not in line for line in lines)
    assert [line for line in lines if line != line.rstrip() and line != "-- "] == []
    assert not re.search(r"\n{3}|&(amp|lt|gt|quot|#\d+);|\S {2,}\S|\t", mail.text)
    assert (mail.text[0].isspace(), mail.text[-2].isspace()) == (False, False)


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_no_sentence_runs_into_the_next(kind: str, sample: str, language: str) -> None:
    mail = words(kind, sample, language)
    texts = [*Declared(mail.html).texts, re.sub(r"https://\S+", "", mail.text)]

    assert [re.findall(r"[a-z][.!?][A-Z]\w*", text) for text in texts] == [[]] * len(texts)


@pytest.mark.parametrize(("kind", "sample", "language"), ALL)
def test_what_belongs_together_stays_on_one_line(kind: str, sample: str, language: str) -> None:
    """A date's year alone on the next line of a phone reads like an amount."""
    texts = Declared(words(kind, sample, language).html).texts

    assert [text for text in texts if re.search(r"(December|ธันวาคม) |, 20\d\d", text)] == []


def test_a_mail_without_a_logo_shows_the_shops_name_and_no_image() -> None:
    mail = written("receipt", "one-line", "en", shop.policy())

    assert "<img" not in mail.html
    assert "Garden Box</div>" in mail.html


def test_only_the_preheader_is_shown_beside_the_subject() -> None:
    """A mailbox fills up with what follows, so nothing readable may."""
    mail = words("payment_failed", "first", "en").html
    hidden = re.findall(r'<div style="display:none[^>]*>(.*?)</div>', mail, re.DOTALL)[0]

    assert hidden.startswith("We will try again on December")
    assert len(hidden) > 200
    assert not hidden.rstrip("\u034f\u00a0").endswith(" ")
