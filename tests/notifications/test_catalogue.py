"""The words of a language, in as many files as there are hands that write them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifications import catalogue, languages
from notifications.languages import LANGUAGES, translations

HEADER = 'msgid ""\nmsgstr "Plural-Forms: nplurals=1; plural=0;\\n"\n'


@pytest.fixture
def thai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of Thai catalogs instead of ours."""
    monkeypatch.setattr(languages, "_CATALOGS", tmp_path)
    folder = tmp_path / "th" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    translations.cache_clear()
    yield folder
    translations.cache_clear()


def write(folder: Path, file: str, *entries: str) -> None:
    (folder / file).write_text("\n".join([HEADER, *entries]), "utf-8")


def test_all_files_of_a_language_count(thai: Path) -> None:
    write(thai, "a.po", 'msgid "One"\nmsgstr "หนึ่ง"\n')
    plural = 'msgid "%(num)s day"\nmsgid_plural "%(num)s days"\nmsgstr[0] "%(num)s วัน"\n'
    write(thai, "b.po", 'msgid "Two"\nmsgstr "สอง"\n', plural)
    words = translations("th")

    assert [words.gettext(text) for text in ("One", "Two", "Three")] == ["หนึ่ง", "สอง", "Three"]
    assert words.ungettext("%(num)s day", "%(num)s days", 2) == "%(num)s วัน"


def test_a_text_translated_twice_alike_is_no_mistake(thai: Path) -> None:
    for file in ("a.po", "b.po"):
        write(thai, file, 'msgid "One"\nmsgstr "หนึ่ง"\n')

    assert list(catalogue.contradictions("th")) == []


def test_a_text_translated_in_two_ways_is_named_with_its_files(thai: Path) -> None:
    write(thai, "a.po", 'msgid "One"\nmsgstr "หนึ่ง"\n')
    write(thai, "b.po", 'msgid "One"\nmsgstr "เดียว"\n')

    assert list(catalogue.contradictions("th")) == [
        "th: 'One' is translated differently in a.po, b.po"
    ]
    assert translations("th").gettext("One") == "หนึ่ง"


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_catalogs_agree(language: str) -> None:
    assert list(catalogue.contradictions(language)) == []
