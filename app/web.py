"""The web process put together: receiver, health, customers' links, console."""

from collections.abc import Callable
from io import BytesIO

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app import api, customer_links, health, log, mail_copy, mail_webhooks, metrics
from app.body import BodyReader
from app.console import blueprint as console
from app.deadline import Watch, guard
from app.doorbell import Doorbell, connect
from app.receiver import Receiver
from app.refusals import Refusals, Refused, answer
from app.ringer import Ringer
from app.settings import Settings
from app.shelf import Shelf
from sync.clock import Clock, RealClock, SimulatedClock
from sync.store.engine import make_engine

logger = structlog.get_logger(__name__)

_CONNECTIONS = 2  # for pages; deliveries have their own
_STATEMENT_MS = 5_000
_HOLD_S = 7.0
_FORM_BYTES = 1024 * 1024


def create_app(settings: Settings) -> Flask:
    """Return the WSGI application; nothing has connected yet."""
    log.configure(settings.log_level)
    watch = Watch()
    engine = make_engine(settings.database_url, pool_size=_CONNECTIONS, statement_ms=_STATEMENT_MS)
    guard(engine, watch, _HOLD_S)
    shelf = Shelf(engine, watch, _HOLD_S)
    client = connect(settings.redis_url)
    doorbell = Doorbell(client)
    app = Flask(__name__, static_folder=None)
    app.extensions |= {"engine": engine, "shelf": shelf}  # for who ends before the process does
    app.config["MAX_CONTENT_LENGTH"] = _FORM_BYTES
    app.wsgi_app = Receiver(  # type: ignore[method-assign]  # Flask's own way to stand in front
        app.wsgi_app,
        BodyReader(watch),
        shelf,
        Ringer(doorbell),
        settings.webhook_secrets,
        livemode=settings.livemode,
        lanes=settings.lanes,
        harden=_harden,
    )
    app.register_blueprint(health.blueprint(engine, client))
    app.register_blueprint(metrics.blueprint(engine, settings.metrics_token))
    clock: Clock = SimulatedClock(engine) if settings.clock == "simulated" else RealClock()
    shop = api.blueprint(engine, clock, settings.api_token, settings.access, settings.stock.policy)
    app.register_blueprint(shop)
    stripe = customer_links.stripe_side(settings)
    links = customer_links.blueprint(engine, settings.mail_policy, clock, stripe)
    links.before_request(_forms_in_time(BodyReader(watch)))
    app.register_blueprint(links)
    app.register_blueprint(mail_copy.blueprint())
    hooks = mail_webhooks.blueprint(engine, BodyReader(watch), settings.mail_webhook_secrets)
    app.register_blueprint(hooks)
    app.register_blueprint(console.blueprint(engine, settings, doorbell))
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(SQLAlchemyError, _unavailable)
    app.register_error_handler(Exception, _failed)
    app.after_request(_harden)
    return app


def _forms_in_time(bodies: BodyReader) -> Callable[[], Response | None]:
    """Return what reads a form before its page does: a slow line holds a thread for seconds."""
    refusals = Refusals("form.refused")

    def read() -> Response | None:
        if request.method == "POST":
            try:
                request.environ["wsgi.input"] = BytesIO(bodies.read(request.environ))
            except Refused as refused:
                return refusals.answer(refused, request.environ)
        return None

    return read


def _refused(error: HTTPException) -> Response:
    """Answer with the error's name only; Werkzeug's own page has more to say."""
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    slug = error.name.lower().replace(" ", "_").replace("'", "")
    return answer(error.code or 500, "error", slug, headers)


def _unavailable(error: SQLAlchemyError) -> Response:
    logger.error("request.without_database", error=type(error).__name__, exc_info=error)
    return answer(503, "error", "unavailable", {"Retry-After": "5"})


def _failed(error: Exception) -> Response:
    """Answer for a mistake of ours; Flask's own log line would hold the path, with its token."""
    logger.error("request.failed", error=type(error).__name__, exc_info=error)
    return answer(500, "error", "internal_error")


_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def _harden(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
