"""The web page on which the caught mails can be read: as the customer would see them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from flask import Flask, Response, abort, make_response, render_template, request, url_for
from werkzeug.serving import WSGIRequestHandler, make_server

from app.local.mailbox import Mailbox
from app.local.ports import LOOPBACK, listener

PAGE_SIZE = 50
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# A mail brings its own styles and may open links beside the list; it may fetch and run nothing.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
LINKS_OPEN_BESIDE = '<base target="_blank">'


def viewer(mailbox: Mailbox) -> Flask:
    """Return the pages for `mailbox`; they answer only to names of this machine."""
    pages = Flask(__name__, static_folder="static", template_folder="templates")
    pages.config["TRUSTED_HOSTS"] = [LOOPBACK, "localhost"]
    pages.after_request(_guarded)

    @pages.get("/")
    def index() -> str:
        return _list(mailbox)

    @pages.get("/mails/<int:number>")
    def mail(number: int) -> str:
        return _mail(_found(mailbox, number), number)

    @pages.get("/mails/<int:number>/html")
    def html(number: int) -> Response:
        return _html(_found(mailbox, number))

    @pages.get("/mails/<int:number>/raw")
    def raw(number: int) -> Response:
        _found(mailbox, number)
        return Response(mailbox.raw(number), content_type="text/plain; charset=utf-8")

    return pages


def _guarded(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _list(mailbox: Mailbox) -> str:
    kind = request.args.get("kind", "")
    page = max(1, request.args.get("page", 1, type=int))
    skip = (page - 1) * PAGE_SIZE
    found = mailbox.newest(kind=kind, skip=skip, limit=PAGE_SIZE + 1)
    return render_template(
        "mails.html",
        entries=found[:PAGE_SIZE],
        counts=mailbox.counts(),
        kind=kind,
        newer=_page_url(kind, page - 1) if page > 1 else None,
        older=_page_url(kind, page + 1) if len(found) > PAGE_SIZE else None,
    )


def _page_url(kind: str, page: int) -> str:
    return url_for("index", kind=kind or None, page=page)


def _found(mailbox: Mailbox, number: int) -> EmailMessage:
    try:
        return mailbox.message(number)
    except KeyError:
        abort(404)


def _mail(message: EmailMessage, number: int) -> str:
    return render_template(
        "mail.html",
        number=number,
        headers=[(name, str(value)) for name, value in message.items()],
        subject=str(message["Subject"] or ""),
        text=_part(message, "plain"),
        has_html=_part(message, "html") is not None,
    )


def _html(message: EmailMessage) -> Response:
    content = _part(message, "html")
    if content is None:
        abort(404)
    response = make_response(LINKS_OPEN_BESIDE + content)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def _part(message: EmailMessage, subtype: str) -> str | None:
    """Return the text of the part that a mail program would show for this subtype."""
    body = message.get_body((subtype,))
    return str(body.get_content()) if body else None


class _Quiet(WSGIRequestHandler):
    """Logs no requests: the terminal belongs to the demo."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 — werkzeug's name
        pass


@contextmanager
def mail_viewer(mailbox: Mailbox, port: int = 0) -> Iterator[str]:
    """Serve the pages on the loopback interface in a thread; yield their address.

    `port` is taken where it is free, else another one.
    """
    with listener(port) as bound:
        address, taken = bound.getsockname()
        server = make_server(
            address,
            taken,
            viewer(mailbox),
            threaded=True,
            request_handler=_Quiet,
            fd=bound.fileno(),
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="mail-viewer")
    thread.start()
    try:
        yield f"http://localhost:{taken}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
