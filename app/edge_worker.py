"""gunicorn's threaded worker as a stranger meets it: no 5xx, no echo, no waiting for anybody.

As it comes, a connection gets a thread before it has sent anything: a dozen silent strangers
could keep Stripe out. It answers some broken requests with 500 or 501 and repeats parts of them
in the answer. And it closes connections in the loop that accepts everybody: one client that
keeps its end open after a refusal would keep all others out for two seconds.
"""

import select
import time
import traceback
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from typing import Any

import structlog
from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker  # type: ignore[import-untyped]

from app.deadline import Watch, hang_up
from app.patience import visiting
from app.refusals import Refusals

log = structlog.get_logger(__name__)

SILENT_S = 10.0  # how long a new connection may be silent; it waits without a thread
HEAD_S = 10.0  # how long the head of a request may take
_NEXT_MS = 2  # how long a thread stays with a connection for its next request
_LAST_WORD_S = 0.25
_ENDED = object()
_OURS = (InvalidResponseHeader, InvalidResponseHeaderName)
_STATUS: tuple[tuple[type[Exception], str, str], ...] = (
    (LimitRequestLine, "414 URI Too Long", "uri_too_long"),
    (LimitRequestHeaders, "431 Request Header Fields Too Large", "headers_too_large"),
    (ExpectationFailed, "417 Expectation Failed", "expectation_failed"),
    (ParseException, "400 Bad Request", "malformed_request"),
)
_MALFORMED = Refusals("request.malformed")
_WATCH = Watch()


class EdgeWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for a client's first byte without a thread, and ends connections off the main loop."""

    def enqueue_req(self, conn: TConn) -> None:
        """Give the connection a thread once there is something to read."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
        else:
            self._wait_without_thread(conn)

    def _wait_without_thread(self, conn: TConn) -> None:
        silent: Future[object] = Future()
        silent.set_result(_DEFER)
        self.finish_request(conn, silent)
        conn.timeout = time.monotonic() + SILENT_S

    def handle(self, conn: TConn) -> Any:
        """Serve one request, and those that follow at once; end the connection after the last.

        It ends for a client, too, that does not read its answers, before one has to wait for it.
        """
        while self._serve(conn) and _is_ready(conn, select.POLLOUT, 0):
            if not self._has_next(conn):
                return True
        util.close_graceful(conn.sock, timeout=_LAST_WORD_S)
        return _ENDED

    def _serve(self, conn: TConn) -> Any:
        with ExitStack() as conn.sending_head:
            hang_up_now = partial(hang_up, conn.sock.fileno())
            conn.sending_head.enter_context(visiting(_WATCH, hang_up_now, HEAD_S))
            return super().handle(conn)

    def _has_next(self, conn: TConn) -> bool:
        """Tell whether the next request is there at once; nobody waits for a thread meanwhile.

        The way back through the main loop, and out of it again, costs as much as an answer.
        """
        if not self.alive or self.tpool._work_queue.qsize():  # noqa: SLF001 — nothing else tells
            return False
        return _is_ready(conn, select.POLLIN, _NEXT_MS)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head is there; its body has a time of its own."""
        conn.sending_head.close()
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, fs: "Future[Any]") -> None:
        """Forget a connection that has ended; leave the others to gunicorn."""
        if not fs.cancelled() and fs.exception() is None and fs.result() is _ENDED:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def _keepalive_after(self, conn: TConn, keepalive: object) -> bool:
        """Keep a connection whose body has been read; nobody is waited for."""
        drained = time.monotonic() + _LAST_WORD_S
        return bool(keepalive and conn.parser.finish_body(deadline=drained))

    def handle_error(self, req: object, client: Any, addr: Any, exc: Exception) -> None:  # noqa: ARG002 — gunicorn's signature
        """Answer a request that could not be served, with nothing of it in answer or log."""
        status, slug = _answer(exc)
        if status.startswith("5"):
            frame = traceback.extract_tb(exc.__traceback__)[-1]
            where = f"{frame.filename}:{frame.lineno}"
            log.error("request.failed", error=type(exc).__name__, where=where)
        else:
            _MALFORMED.note(slug, {"REMOTE_ADDR": addr[0] if addr else ""})
        try:
            util.write_nonblock(client, _response(status, slug))
        except OSError:
            return  # who is gone needs no answer


def _is_ready(conn: TConn, event: int, wait_ms: int) -> bool:
    line = select.poll()
    line.register(conn.sock, event)
    return any(seen & event for _, seen in line.poll(wait_ms))


def _answer(exc: Exception) -> tuple[str, str]:
    if not isinstance(exc, _OURS):
        for kind, status, slug in _STATUS:
            if isinstance(exc, kind):
                return status, slug
    return "500 Internal Server Error", "internal_error"


def _response(status: str, slug: str) -> bytes:
    body = f'{{"error": "{slug}"}}'
    head = (
        f"HTTP/1.1 {status}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
