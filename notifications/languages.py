"""Which language a customer reads, and the catalogs that turn our English into it."""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from sync.mirror.facts import CustomerFacts

SOURCE = "en"
# English is what the templates are written in; every other language has a catalog.
LANGUAGES = (SOURCE, "th")
_LANGUAGE_OF_COUNTRY = {"TH": "th"}
_CATALOGS = Path(__file__).parent / "locale"


def locale_for(customer: CustomerFacts | None, default: str) -> Locale:
    """Return the locale to write to `customer` in.

    What the customer chose (`preferred_locales`) comes first, then the shop's note (metadata
    `locale` or `language`), then the country's language, then `default`, then English. A
    language without a catalog is passed over. The country decides how dates and amounts look
    where the choice names none: English in Britain is British.
    """
    country = customer.country if customer else None
    for wish in (*_wishes(customer), default, SOURCE):
        found = _supported(wish)
        if found:
            return found if found.territory else _in_country(found, country)
    raise AssertionError("English is always there")  # pragma: no cover


def _wishes(customer: CustomerFacts | None) -> Iterator[str]:
    if customer is None:
        return
    yield from customer.preferred_locales
    yield from (customer.metadata.get(name, "") for name in ("locale", "language"))
    yield _LANGUAGE_OF_COUNTRY.get((customer.country or "").upper(), "")


def _supported(wish: object) -> Locale | None:
    found = _parsed(wish) if isinstance(wish, str) else None
    return found if found and found.language in LANGUAGES else None


def _parsed(wish: str) -> Locale | None:
    """Return the locale of a tag such as `th`, `en-GB` or `en_GB.UTF-8`, None if it is none."""
    tag = wish.replace("_", "-").partition(".")[0].strip()
    try:
        return Locale.parse(tag, sep="-") if tag else None
    except UnknownLocaleError:
        return _parsed(tag.partition("-")[0]) if "-" in tag else None
    except (ValueError, TypeError):
        return None


def _in_country(locale: Locale, country: str | None) -> Locale:
    regional = _parsed(f"{locale.language}-{country.upper()}") if country else None
    return regional or locale


def catalog_files(language: str) -> list[Path]:
    """Return the files that together hold the words of `language`, in the order they count."""
    return sorted((_CATALOGS / language / "LC_MESSAGES").glob("*.po"))


def read_catalog(file: Path, language: str) -> Catalog:
    """Return the words of one file.

    Raises:
        babel.messages.pofile.PoFileError: the file is no catalog.
    """
    with file.open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


@cache
def translations(language: str) -> NullTranslations:
    """Return the words of `language`, all its files together; English has none: it is the source.

    What several files translate should read the same in all; else the first file's word counts,
    and the linter tells (see `notifications.catalogue.contradictions`).
    """
    if language == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, _merged(language))
    compiled.seek(0)
    return Translations(compiled)


def _merged(language: str) -> Catalog:
    whole = Catalog(locale=language)
    for file in catalog_files(language):
        for message in read_catalog(file, language):
            if message.id and message.id not in whole:
                whole[message.id] = message
    return whole
