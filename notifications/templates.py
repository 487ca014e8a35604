"""Templates: where they stand, which one wins, and how they become Jinja.

For each file of a kind the first found is taken: `<templates_dir>/<kind>/<language>/<file>`,
`<templates_dir>/<kind>/<file>`, ours. Those of an experiment's variant stand in
`<templates_dir>/<kind>@<variant>/` likewise, and come before the kind's own. The frame of all
mails is the pseudo-kind `layout`. MJML is turned into HTML once, Jinja's tags pass through it;
so customers' data never meets the MJML parser.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from mjml import mjml2html

from notifications.languages import translations

OURS = Path(__file__).parent / "kinds" / "templates"
LAYOUT = "layout"
FILES = ("subject.txt", "preheader.txt", "body.txt", "body.mjml")
LAYOUT_FILES = ("layout.txt", "layout.mjml")
_BODY_MARK = "<!-- body -->"


@dataclass(frozen=True, slots=True)
class Templates:
    """The four compiled templates of one kind in one language, and the frame of its text."""

    subject: Template
    preheader: Template
    body_text: Template
    text: Template
    html: Template


@cache
def compiled(kind: str, language: str, folder: str | None) -> Templates:
    """Return the templates of `kind`; `folder` may hold some that replace ours.

    Raises:
        OSError, ValueError, jinja2.TemplateError: a file is missing or no template.
    """

    def text(owner: str, file: str) -> Template:
        return _environment(language, escape=False).from_string(source(owner, language, file))

    def source(owner: str, language: str, file: str) -> str:
        return find(owner, language, file, folder).read_text("utf-8")

    layout = source(LAYOUT, language, "layout.mjml")
    mjml = layout.replace(_BODY_MARK, source(kind, language, "body.mjml"))
    return Templates(
        subject=text(kind, "subject.txt"),
        preheader=text(kind, "preheader.txt"),
        body_text=text(kind, "body.txt"),
        text=text(LAYOUT, "layout.txt"),
        # No fonts: by default MJML has some read from another company's server.
        html=_environment(language, escape=True).from_string(mjml2html(mjml, fonts={})),
    )


def find(kind: str, language: str, file: str, folder: str | None) -> Path:
    """Return the file that wins; ours when none replaces it."""
    ours, variant, _ = kind.partition("@")
    owners = [kind, ours] if variant else [kind]
    places = [Path(folder, owner) for owner in owners] if folder else []
    wishes = [wish for place in places for wish in (place / language / file, place / file)]
    return next((wish for wish in wishes if wish.is_file()), OURS / ours / file)


@cache
def _environment(language: str, *, escape: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=escape,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # the extension's own
        translations(language), newstyle=True
    )
    for name in ("money", "date", "price", "listed"):
        environment.filters[name] = _written(name, whole=escape and name in {"money", "date"})
    return environment


def _written(name: str, *, whole: bool) -> Callable[[Context, Any], str]:
    """Return a filter that writes a value as the mail's reader expects it.

    A `whole` one stays on one line: no date on a phone has its year alone on the next.
    """

    @pass_context
    def write(context: Context, value: Any) -> str:
        text = str(getattr(context["wording"], name)(value))
        return text.replace(" ", "\N{NO-BREAK SPACE}") if whole else text

    return write
