"""The pages behind the links in customers' mails: opened by anybody, so they give nothing away.

A link's token is the permission: there is no session, no cookie and no redirect. GET never
changes anything, as mail scanners open every link; POST does, from the page's button and from
a mail program's one-click unsubscribe (RFC 8058) alike.
"""

import hashlib
from base64 import b64encode
from functools import cache
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response, request
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from sqlalchemy import Engine

from notifications import links, suppression
from notifications.languages import LANGUAGES, locale_for, translations
from notifications.policy import MailPolicy
from sync.mirror.facts import CustomerFacts, load_customer

_TEMPLATES = Path(__file__).parent / "templates" / "customer_links"


def blueprint(engine: Engine, policy: MailPolicy) -> Blueprint:
    """Return the pages `/unsubscribe/<token>`."""
    pages = Blueprint("customer_links", __name__)

    @pages.get("/unsubscribe/<token>")
    def ask(token: str) -> Response:
        subject = links.read(policy, "unsubscribe", token)
        with engine.connect() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
        return _page("confirm.html", policy, _language(policy, customer))

    @pages.post("/unsubscribe/<token>")
    def unsubscribe(token: str) -> Response:
        subject = links.read(policy, "unsubscribe", token)
        with engine.begin() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
            suppression.suppress(
                conn,
                subject.account,
                topic="marketing",
                reason="unsubscribed",
                customer_id=subject.customer_id,
                address=customer.email if customer else None,
            )
        return _page("done.html", policy, _language(policy, customer))

    @pages.errorhandler(links.LinkInvalid)
    def explain(error: links.LinkInvalid) -> Response:
        expired = isinstance(error, links.LinkExpired)
        status = HTTPStatus.GONE if expired else HTTPStatus.BAD_REQUEST
        return _page("problem.html", policy, _browser_language(policy), status, expired=expired)

    return pages


def _language(policy: MailPolicy, customer: CustomerFacts | None) -> str:
    if customer is None:
        return _browser_language(policy)
    return str(locale_for(customer, policy.default_locale).language)


def _browser_language(policy: MailPolicy) -> str:
    default = str(locale_for(None, policy.default_locale).language)
    return request.accept_languages.best_match(LANGUAGES) or default


def _page(
    template: str,
    policy: MailPolicy,
    language: str,
    status: HTTPStatus = HTTPStatus.OK,
    **values: object,
) -> Response:
    style = _style()
    html = (
        _environment(language)
        .get_template(template)
        .render(
            lang=language,
            brand_name=policy.brand_name,
            contact_email=policy.contact_email,
            style=Markup(style),  # noqa: S704 — our own file
            **values,
        )
    )
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response = Response(html, status)
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


@cache
def _style() -> str:
    return (_TEMPLATES / "page.css").read_text("utf-8")


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"]
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]  # the extension's own
        translations(language), newstyle=True
    )
    return environment
