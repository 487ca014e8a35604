"""What the templates say in English, and what of it a language still lacks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

from jinja2 import TemplateSyntaxError
from jinja2.ext import babel_extract

from notifications.languages import SOURCE, catalog_files, read_catalog, translations

_KEYWORDS = ("_", "gettext", "ngettext")
_OPTIONS = {"trimmed": "true", "silent": "false"}


def messages(template: Path) -> list[str]:
    """Return the English texts of one template that are to be translated.

    Raises:
        jinja2.TemplateSyntaxError: the file is no template.
    """
    source = BytesIO(template.read_bytes())
    found = babel_extract(source, _KEYWORDS, (), _OPTIONS)
    return [_singular(text) for _, _, text, _ in found]


def _singular(text: str | Sequence[str | None] | None) -> str:
    return str(text) if text is None or isinstance(text, str) else str(text[0])


def untranslated(templates: Iterable[Path], language: str) -> list[str]:
    """Return the English texts of `templates` that `language` has no words for, sorted.

    A file that is no template is passed over: rendering it tells better what is wrong.
    """
    if language == SOURCE:
        return []
    catalog = translations(language)
    missing = {
        text
        for template in templates
        for text in _readable(template)
        if catalog.gettext(text) == text
    }
    return sorted(missing)


def _readable(template: Path) -> list[str]:
    try:
        return messages(template)
    except TemplateSyntaxError:
        return []


def contradictions(language: str) -> Iterator[str]:
    """Name each English text that the files of `language` translate in more than one way."""
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for file in catalog_files(language) if language != SOURCE else ():
        for message in read_catalog(file, language):
            if message.id:
                words[_singular(message.id)].setdefault(str(message.string), file.name)
    for text, said in words.items():
        if len(said) > 1:
            yield f"{language}: {text!r} is translated differently in {', '.join(said.values())}"
