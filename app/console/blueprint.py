"""The console put together: off unless configured, and one strict frame around every page.

A new page is a file in `pages/`, a template and a line in `pages/__init__.py`.
"""

from functools import partial

import structlog
from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, NotFound

from app.console.door import Door
from app.console.page import Desk
from app.console.pages import PAGES
from app.console.password import is_hash
from app.console.render import templates
from app.console.session import Sessions
from app.doorbell import Doorbell
from app.settings import Settings
from sync.clock import RealClock, SimulatedClock
from sync.errors import Malformed, SettingsError

log = structlog.get_logger(__name__)

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}
_OFF = """The console is switched off.

To switch it on: run `evergreen console hash-password`, set CONSOLE_PASSWORD_HASH to what it
prints, in single quotes, and restart the web process.
"""


def blueprint(engine: Engine, settings: Settings, doorbell: Doorbell) -> Blueprint:
    """Return everything below `/console`; nothing has connected yet.

    Raises:
        SettingsError: CONSOLE_PASSWORD_HASH is set, but to no hash.
    """
    password_hash = settings.console_password_hash
    if password_hash is None:
        return _switched_off()
    if not is_hash(password_hash):
        raise SettingsError(
            "CONSOLE_PASSWORD_HASH is no hash: make one with `evergreen console hash-password`"
            " and set it in single quotes, since it holds $ signs",
        )
    clock = SimulatedClock(engine) if settings.clock == "simulated" else RealClock()
    desk = Desk(engine, doorbell, clock, settings.lanes, templates(PAGES))
    secure = settings.mail_policy.public_url.startswith("https:")
    door = Door(desk, Sessions(settings.secret_keys, password_hash), password_hash, secure)
    return _open(desk, door)


def _open(desk: Desk, door: Door) -> Blueprint:
    routes = Blueprint("console", __name__, url_prefix="/console", static_folder="static")
    door.stand_before(routes)
    for page in PAGES:
        for route in page.routes:
            view = partial(route.view, desk)
            routes.add_url_rule(route.rule, route.endpoint, view, methods=route.methods)
    routes.add_url_rule("/<path:unknown>", "unknown", _unknown)
    routes.register_error_handler(HTTPException, partial(_explain, desk))
    routes.register_error_handler(Malformed, partial(_malformed, desk))
    for failure in (DBAPIError, PoolTimeoutError):
        routes.register_error_handler(failure, partial(_unavailable, desk))
    routes.after_request(partial(_harden, secure=door.secure))
    return routes


def _switched_off() -> Blueprint:
    routes = Blueprint("console", __name__, url_prefix="/console")

    @routes.route("/", defaults={"rest": ""})
    @routes.route("/<path:rest>")
    def off(rest: str) -> Response:
        del rest
        return Response(_OFF, 404, content_type="text/plain; charset=utf-8")

    return routes


def _unknown(unknown: str) -> ResponseReturnValue:
    del unknown
    raise NotFound("There is no such page.")


def _explain(desk: Desk, error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:  # noqa: PLR2004 — a redirect
        return error.get_response()
    values = {"title": error.name, "text": error.description or ""}
    return desk.render("problem.html", **values), error.code


def _malformed(desk: Desk, error: Malformed) -> ResponseReturnValue:
    return desk.render("problem.html", title="That cannot be looked up", text=str(error)), 400


def _unavailable(desk: Desk, error: Exception) -> ResponseReturnValue:
    log.error("console.database_failed", exc_info=error)
    text = "The database did not answer, or not in time. Stripe's events are safe; try again."
    return desk.render("problem.html", title="The database is away", text=text), 503


def _harden(response: Response, *, secure: bool) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
