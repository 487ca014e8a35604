"""The console's door: log in, log out, and whoever has no business here stays outside."""

import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, abort, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.console.attempts import WINDOW_S, Attempts
from app.console.page import Desk
from app.console.password import matches
from app.console.session import LIFE, Session, Sessions
from app.deadline import Watch, hang_up

log = structlog.get_logger(__name__)

_MAX_FORM_BYTES = 16 * 1024
_FORM_DEADLINE_S = 10
_OURS = frozenset({"same-origin", "none"})
_OPEN = frozenset({"console.login", "console.static"})


@dataclass(frozen=True, slots=True)
class Door:
    """Keeps the console's routes. `secure`: the console is reached by https."""

    desk: Desk
    sessions: Sessions
    password_hash: str
    secure: bool
    attempts: Attempts = field(default_factory=Attempts)
    watch: Watch = field(default_factory=Watch)

    @property
    def cookie_name(self) -> str:
        """A `__Host-` cookie can be set by this very host over https only."""
        return "__Host-evergreen_console" if self.secure else "evergreen_console"

    def stand_before(self, routes: Blueprint) -> None:
        """Guard `routes`, and add the ways in and out."""
        routes.before_request(self.let_in)
        routes.add_url_rule("/login", "login", self.login, methods=("GET", "POST"))
        routes.add_url_rule("/logout", "logout", self.logout, methods=("POST",))

    def let_in(self) -> ResponseReturnValue | None:
        """Answer what may not pass: no session, another site's form, a form without its token."""
        session = self.sessions.read(request.cookies.get(self.cookie_name))
        g.session = session
        g.form_token = self.sessions.form_token(session) if session else ""
        _refuse_odd_text([request.path, *_flat(request.args.to_dict(flat=False))])
        if request.method == "POST" and request.headers.get("Sec-Fetch-Site", "none") not in _OURS:
            abort(403, "This form was sent by another site.")
        if request.endpoint not in _OPEN and not (session and session.signed_in):
            return redirect(url_for("console.login", next=_this_page()), 303)
        if request.method == "POST":
            self._check_form(session)
        return None

    def _check_form(self, session: Session | None) -> None:
        self._read_form()
        _refuse_odd_text(_flat(request.form.to_dict(flat=False)))
        if not self.sessions.is_form_of(session, request.form.get("token", "")):
            abort(400, "This form is too old, or not ours: open the page again.")

    def _read_form(self) -> None:
        """Read the form within size and time, as no stranger may hold a thread for long."""
        request.max_content_length = _MAX_FORM_BYTES
        connection = request.environ.get("gunicorn.socket")

        def too_slow() -> None:
            if connection is not None:
                hang_up(connection.fileno())

        try:
            with self.watch.limit(_FORM_DEADLINE_S, too_slow):
                request.form.get("token")
        except (OSError, ValueError):
            abort(400, "The form could not be read.")

    def login(self) -> ResponseReturnValue:
        """Ask for the password; the right one leads to where the visitor wanted to go."""
        if g.session and g.session.signed_in:
            return redirect(_wanted_page(), 303)
        if request.method == "POST":
            return self._try_password()
        return self._ask("", 200)

    def _try_password(self) -> ResponseReturnValue:
        address, now_s = _address(), time.monotonic()
        if not self.attempts.may_try(address, now_s):
            log.warning("console.login_limited")
            return self._ask(f"Too many tries. Wait {WINDOW_S // 60} minutes.", 429)
        if not matches(self.password_hash, request.form.get("password", "")):
            self.attempts.failed(address, now_s)
            log.warning("console.login_failed")
            return self._ask("That is not the password.", 403)
        log.info("console.logged_in")
        # A new session: one planted before the log-in is worth nothing after it.
        return self._keep(redirect(_wanted_page(), 303), self.sessions.new(signed_in=True))

    def _ask(self, mistake: str, status: int) -> ResponseReturnValue:
        session = g.session or self.sessions.new(signed_in=False)
        g.form_token = self.sessions.form_token(session)
        page = self.desk.render("login.html", mistake=mistake, next=request.args.get("next", ""))
        response = self._keep(make_response(page, status), session)
        if status == 429:  # noqa: PLR2004 — HTTP's number
            response.headers["Retry-After"] = str(WINDOW_S)
        return response

    def logout(self) -> ResponseReturnValue:
        """Make the browser forget its session."""
        response = redirect(url_for("console.login"), 303)
        response.delete_cookie(
            self.cookie_name, path=self._path, secure=self.secure, httponly=True, samesite="Lax"
        )
        log.info("console.logged_out")
        return _as_flask(response)

    def _keep(self, response: object, session: Session) -> Response:
        kept = _as_flask(response)
        kept.set_cookie(
            self.cookie_name,
            self.sessions.cookie(session),
            max_age=LIFE,
            path=self._path,
            secure=self.secure,
            httponly=True,
            samesite="Lax",  # Strict would ask for the password after every link from a chat
        )
        return kept

    @property
    def _path(self) -> str:
        return "/" if self.secure else "/console"  # __Host- demands the root


def _as_flask(response: object) -> Response:
    return make_response(response)


def _this_page() -> str | None:
    """Return where to go after the log-in; nothing but a GET can be gone to."""
    return request.full_path.rstrip("?") if request.method == "GET" else None


def _wanted_page() -> str:
    """Return the page asked for before the log-in, if it is one of ours."""
    wanted = request.args.get("next", "")
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/console/") and not (parts.scheme or parts.netloc)
    return wanted if is_ours and wanted.isprintable() else url_for("console.home")


def _flat(arguments: dict[str, list[str]]) -> list[str]:
    return [value for values in arguments.values() for value in values]


def _refuse_odd_text(values: list[str]) -> None:
    """PostgreSQL's text holds no NUL, so nothing that is asked for has one."""
    if any("\0" in value for value in values):
        abort(400, "There is a NUL in the address or the form.")


def _address() -> str:
    """Return the last hop before us: behind a router the first ones can be made up."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return forwarded.rpartition(",")[2].strip() or request.remote_addr or ""
