"""The addresses of the pages, and what each of them does with a request."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

import structlog
from flask import Blueprint, Response, request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.customer_links import acting, standing
from app.customer_links.acting import Click
from app.customer_links.choosing import Choosing
from app.customer_links.page import Pages
from app.customer_links.standing import About, Standing
from app.customer_links.stripe_side import StripeSide
from app.customer_links.telling import told
from notifications import links
from notifications.dunning import clicks
from notifications.links import LinkSubject, Purpose
from notifications.policy import MailPolicy
from sync.clock import Clock
from sync.errors import Unavailable

log = structlog.get_logger(__name__)

# What may leave nothing to do, before the browser is sent anywhere.
_SETTLES: Mapping[Purpose, Callable[[Click], bool]] = MappingProxyType(
    {"keep": acting.keep, "return": acting.is_back}
)


def blueprint(engine: Engine, policy: MailPolicy, clock: Clock, stripe: StripeSide) -> Blueprint:
    """Return the pages `/unsubscribe/<token>` and `/b/<token>`."""
    rules, pages = Blueprint("customer_links", __name__), Pages(policy, stripe.base)
    choosing = Choosing(engine, policy, pages)
    doors = _Doors(engine, policy, clock, stripe, pages)

    @rules.get("/unsubscribe/<token>")
    def ask(token: str) -> Response:
        return choosing.ask(links.read_unsubscribe(policy, token))

    @rules.post("/unsubscribe/<token>")
    def unsubscribe(token: str) -> Response:
        return choosing.unsubscribe(links.read_unsubscribe(policy, token))

    @rules.get("/b/<token>")
    def show(token: str) -> Response:
        purpose, subject = links.read(policy, token)
        chooses = purpose == "preferences"
        return choosing.offer(subject) if chooses else doors.show(purpose, subject)

    @rules.post("/b/<token>")
    def act(token: str) -> Response:
        purpose, subject = links.read(policy, token)
        if purpose == "preferences":
            return choosing.choose(subject, request.form.getlist("topic"))
        return doors.act(purpose, subject)

    _explain_failures(rules, pages)
    return rules


def _explain_failures(rules: Blueprint, pages: Pages) -> None:
    """Let these pages fail in words, as people read them."""

    @rules.errorhandler(links.LinkInvalid)
    def explain(error: links.LinkInvalid) -> Response:
        expired = isinstance(error, links.LinkExpired)
        status = HTTPStatus.GONE if expired else HTTPStatus.BAD_REQUEST
        return pages.show("problem.html", pages.wording(None), status, expired=expired)

    @rules.errorhandler(SQLAlchemyError)
    def unavailable(error: SQLAlchemyError) -> Response:
        log.error("link.without_database", error=type(error).__name__, exc_info=error)
        return pages.show("later.html", pages.wording(None), HTTPStatus.SERVICE_UNAVAILABLE)


class _Doors:
    """The pages of all purposes that lead to Stripe."""

    def __init__(
        self, engine: Engine, policy: MailPolicy, clock: Clock, stripe: StripeSide, pages: Pages
    ) -> None:
        self._engine, self._policy, self._clock = engine, policy, clock
        self._stripe, self._pages = stripe, pages

    def show(self, purpose: Purpose, subject: LinkSubject) -> Response:
        """Tell what the link is about; nothing is changed by it."""
        with self._engine.connect() as conn:
            about = standing.load(conn, purpose, subject)
        now = standing.standing(purpose, about)
        # Stripe's page leads back here before its event has reached us.
        is_back = purpose == "return" and "done" in request.args and now.state == "open"
        return self._page(purpose, about, Standing(state="done") if is_back else now)

    def act(self, purpose: Purpose, subject: LinkSubject) -> Response:
        """Do what the button says, where there is something left to do."""
        click = self._clicked(purpose, subject)
        if click.standing.state != "open":
            return self._page(purpose, click.about, click.standing)
        try:
            return self._acted(purpose, click)
        except Unavailable:
            late = HTTPStatus.SERVICE_UNAVAILABLE
            return self._page(purpose, click.about, click.standing, late, is_late=True)

    def _clicked(self, purpose: Purpose, subject: LinkSubject) -> Click:
        at = self._clock.now()
        with self._engine.begin() as conn:
            about = standing.load(conn, purpose, subject)
            mail = acting.find_mail(conn, subject.message) if subject.message else None
            if mail:
                clicks.record(conn, mail.key, at)
        return Click(
            about=about,
            standing=standing.standing(purpose, about),
            mail=mail,
            policy=self._policy,
            stripe=self._stripe,
            page_url=f"{self._policy.public_url}{request.path}",
            language=self._pages.wording(about.customer).locale.language,
        )

    def _acted(self, purpose: Purpose, click: Click) -> Response:
        settles = _SETTLES.get(purpose)
        if settles and settles(click):
            return self._page(purpose, click.about, Standing(state="done"))
        is_update = purpose == "pay" and request.form.get("way") == "update"
        address = acting.destination(click, "update" if is_update else purpose)
        if address is not None:
            return self._pages.send_to(address)
        return self._pages.show("contact.html", self._pages.wording(click.about.customer))

    def _page(
        self,
        purpose: Purpose,
        about: About,
        now: Standing,
        status: HTTPStatus = HTTPStatus.OK,
        *,
        is_late: bool = False,
    ) -> Response:
        wording = self._pages.wording(about.customer)
        template = "gone.html" if now.state == "gone" else f"{purpose}.html"
        values = told(about, now, wording)
        return self._pages.show(template, wording, status, is_late=is_late, **values)
