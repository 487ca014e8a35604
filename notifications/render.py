"""From a case to the words of a mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from babel import Locale

from notifications.actions import urls
from notifications.case import Case
from notifications.experiments import template_of
from notifications.hours import zone_of
from notifications.kind import Kind
from notifications.languages import locale_for
from notifications.templates import Templates, compiled
from notifications.wording import Wording, name_to_greet, printable
from sync.errors import Malformed

log = structlog.get_logger(__name__)


class RenderFailed(Malformed):
    """A template cannot be made into a mail for this case."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words, and the language they are in."""

    subject: str
    text: str
    html: str
    language: str
    unsubscribe_url: str | None


def render(kind: Kind, case: Case, locale: Locale | None = None) -> Rendered:
    """Return the mail's words in the customer's language, or in `locale`.

    A replaced template that does not work is passed over for ours, with an alert.

    Raises:
        RenderFailed: our own templates do not work for this case.
    """
    chosen = locale or locale_for(_reader(kind, case), case.policy.default_locale)
    folder = case.policy.templates_dir
    if folder:
        try:
            return render_with(kind, case, chosen, folder)
        except RenderFailed as error:
            cause = type(error.__cause__).__name__
            log.error("template.override_failed", kind=kind.name, error=cause)  # noqa: TRY400 — a traceback would quote customers' data
    return render_with(kind, case, chosen, None)


def render_with(kind: Kind, case: Case, locale: Locale, folder: str | None) -> Rendered:
    """Return the mail's words with the templates of `folder` where it has some.

    Raises:
        RenderFailed: a template is missing, broken, or does not work for this case.
    """
    try:
        values = _values(kind, case, locale)
        name = template_of(kind.name, case.variant)
        return _written(compiled(name, locale.language, folder), values)
    except Exception as error:  # a template is foreign code and may raise anything
        raise RenderFailed(f"{kind.name} in {locale.language}") from error


def _reader(kind: Kind, case: Case) -> Any:
    return None if kind.category == "internal" else case.customer


def _zone(kind: Kind, case: Case) -> ZoneInfo:
    """Return in whose days a mail counts: "before that day" must be true where it is read."""
    if kind.category == "internal":
        return case.policy.zone
    return zone_of(case.customer, case.policy.timezone)


def _values(kind: Kind, case: Case, locale: Locale) -> Mapping[str, Any]:
    """Return all that a template may name. Never the policy itself: it holds secrets."""
    policy = case.policy
    return {
        **kind.context(case),
        **urls(kind, case),
        "wording": Wording(locale, _zone(kind, case), policy.buddhist_era),
        "lang": locale.language,
        "brand": policy.brand,
        "brand_name": policy.brand_name,
        "contact_email": policy.contact_email,
        "customer_name": name_to_greet(case.customer.name),
        "is_internal": kind.category == "internal",
    }


def _written(templates: Templates, values: Mapping[str, Any]) -> Rendered:
    subject = printable(templates.subject.render(values))
    body = templates.body_text.render(values).strip()
    preheader = printable(templates.preheader.render(values))
    framed = {**values, "subject": subject, "preheader": preheader, "body": body}
    return Rendered(
        subject=subject,
        text=templates.text.render(framed).strip() + "\n",
        html=templates.html.render(framed),
        language=values["lang"],
        unsubscribe_url=values["unsubscribe_url"],
    )
