"""One page for a customer: their language, no cookie, nothing that runs, nothing kept."""

import hashlib
from base64 import b64encode
from functools import cache
from http import HTTPStatus
from pathlib import Path

from flask import Response, request
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from notifications.hours import zone_of
from notifications.languages import LANGUAGES, locale_for, translations
from notifications.policy import MailPolicy
from notifications.wording import Wording
from sync.mirror.facts import CustomerFacts

_TEMPLATES = Path(__file__).parents[1] / "templates" / "customer_links"


class Pages:
    """Writes pages in the shop's name.

    `stand_in` is the address of what answers for Stripe in a test, None for Stripe itself.
    """

    def __init__(self, policy: MailPolicy, stand_in: str | None = None) -> None:
        """Write as `policy` says."""
        self._policy = policy
        self._targets = " ".join(["'self'", "https:", *filter(None, [stand_in])])

    def wording(self, customer: CustomerFacts | None) -> Wording:
        """Return how to write to `customer`, or else to whoever sits at the browser."""
        policy = self._policy
        if customer is None:
            wish = request.accept_languages.best_match(LANGUAGES)
            locale = locale_for(None, wish or policy.default_locale)
            return Wording(locale, policy.zone, policy.buddhist_era)
        locale, zone = (
            locale_for(customer, policy.default_locale),
            zone_of(customer, policy.timezone),
        )
        return Wording(locale, zone, policy.buddhist_era)

    def show(
        self,
        template: str,
        wording: Wording,
        status: HTTPStatus = HTTPStatus.OK,
        **values: object,
    ) -> Response:
        """Return the page."""
        language = wording.locale.language
        html = (
            _environment(language)
            .get_template(template)
            .render(
                lang=language,
                brand_name=self._policy.brand_name,
                contact_email=self._policy.contact_email,
                style=Markup(_style()),  # noqa: S704 — our own file
                **values,
            )
        )
        return self._kept_nowhere(Response(html, status))

    def send_to(self, address: str) -> Response:
        """Send the browser to `address`, which `is_usable`."""
        response = Response(status=HTTPStatus.SEE_OTHER)
        response.headers["Location"] = address
        return self._kept_nowhere(response)

    def _kept_nowhere(self, response: Response) -> Response:
        digest = b64encode(hashlib.sha256(_style().encode()).digest()).decode()
        # Chromium holds a form to this all along a chain of redirects, and a shop's or Stripe's
        # may pass through any host: to a domain of the shop's own, or on to one with "www.".
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action {self._targets};"
            " base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Robots-Tag"] = "noindex"
        return response


def is_usable(address: str, stand_in: str | None) -> bool:
    """Tell whether a customer may be sent to `address`, which Stripe or our settings gave."""
    return address.startswith(("https://", f"{stand_in}/") if stand_in else "https://")


@cache
def _style() -> str:
    return (_TEMPLATES / "page.css").read_text("utf-8")


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # the extension's own
        translations(language), newstyle=True
    )
    return environment
