"""Every mistake in the mails' templates at once, before a customer meets one."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from babel import Locale

from notifications.case import Case
from notifications.catalogue import contradictions, untranslated
from notifications.experiments import FILE as EXPERIMENTS
from notifications.experiments import template_of
from notifications.kind import Kind
from notifications.kinds import KINDS
from notifications.languages import LANGUAGES
from notifications.policy import MailPolicy
from notifications.render import Rendered, RenderFailed, render_with
from notifications.templates import FILES, LAYOUT, LAYOUT_FILES, find

# Gmail cuts what is longer, and the link to unsubscribe with it.
MAX_HTML_BYTES = 102 * 1024
_LINK = re.compile(r'href="(https?://[^"]+)"')
_IMAGE_WITHOUT_ALT = re.compile(r"<img(?![^>]*\balt=)[^>]*>")

# It would tell a third party who reads our mail, and when.
_STYLE_FROM_ELSEWHERE = re.compile(r"<link\b|@import")


def mistakes(policy: MailPolicy) -> list[str]:
    """Return what is wrong with our templates and those of `templates_dir`; empty when fine."""
    folder = policy.templates_dir
    pairs = list(product(KINDS.values(), LANGUAGES))
    return [
        *(_misplaced(Path(folder), policy) if folder else ()),
        *(line for language in LANGUAGES for line in contradictions(language)),
        *(line for kind, language in pairs for line in _untranslated(kind, language, policy)),
        *(line for kind, language in pairs for line in _broken(kind, language, policy)),
    ]


def _variants(kind: str, policy: MailPolicy) -> list[str | None]:
    """Return None for the kind itself, and the variants that its customers may get."""
    tried = policy.experiments.get(kind)
    return [None, *(f"{tried.name}/{arm}" for arm in tried.variants)] if tried else [None]


def _misplaced(folder: Path, policy: MailPolicy) -> Iterator[str]:
    """Name files that would never be used: a mistyped one is worse than none."""
    if not folder.is_dir():
        yield f"{folder}: there is no such folder"
    known = {template_of(kind, arm) for kind in KINDS for arm in _variants(kind, policy)} | {LAYOUT}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        if file == folder / EXPERIMENTS:
            continue
        owner, *languages, name = ("", *file.relative_to(folder).parts)[-3:]
        if len(file.relative_to(folder).parts) == 2:  # noqa: PLR2004 — <kind>/<file>
            owner, languages = file.relative_to(folder).parts[0], []
        allowed = LAYOUT_FILES if owner == LAYOUT else FILES
        if owner not in known:
            yield f"{file}: no kind is called {owner!r}"
        elif name not in allowed or not set(languages) <= set(LANGUAGES):
            yield f"{file}: never used; write {owner}/[language/]<{'|'.join(allowed)}>"


def _untranslated(kind: Kind, language: str, policy: MailPolicy) -> Iterator[str]:
    faces = [template_of(kind.name, arm) for arm in _variants(kind.name, policy)]
    owners = [*product(faces, FILES), *product([LAYOUT], LAYOUT_FILES)]
    files = {find(owner, language, name, policy.templates_dir) for owner, name in owners}
    for text in untranslated(files, language):
        yield f"{kind.name} {language}: not translated: {text!r}"


def _broken(kind: Kind, language: str, policy: MailPolicy) -> Iterator[str]:
    for (name, case), arm in product(kind.samples(policy).items(), _variants(kind.name, policy)):
        for problem in _problems(kind, replace(case, variant=arm), Locale(language)):
            yield f"{template_of(kind.name, arm)} {language} ({name}): {problem}"


def _problems(kind: Kind, case: Case, locale: Locale) -> Iterator[str]:
    try:
        words = render_with(kind, case, locale, case.policy.templates_dir)
    except RenderFailed as error:
        cause = error.__cause__
        yield f"{type(cause).__name__}: {cause}"
    else:
        yield from (problem for problem, holds in _checks(words) if holds)


def _checks(words: Rendered) -> tuple[tuple[str, bool], ...]:
    links = {html.unescape(link) for link in _LINK.findall(words.html)}
    only_html = sorted(link for link in links if link not in words.text)
    size = len(words.html.encode())
    refusal = words.unsubscribe_url
    return (
        ("the subject is empty", not words.subject),
        (f"the HTML has {size} bytes, over {MAX_HTML_BYTES}", size > MAX_HTML_BYTES),
        (f"links in the HTML only: {', '.join(only_html)}", bool(only_html)),
        ("style is read from elsewhere", bool(_STYLE_FROM_ELSEWHERE.search(words.html))),
        ("an image has no alt text", bool(_IMAGE_WITHOUT_ALT.search(words.html))),
        ("no link to unsubscribe", refusal is not None and refusal not in links),
    )
