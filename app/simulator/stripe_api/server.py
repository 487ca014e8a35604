"""The HTTP server: one Stripe account, and those connected to it, on the loopback interface."""

import base64
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import urlsplit

import orjson

from app.local.ports import LOOPBACK
from app.simulator.history import API_VERSION, Json
from app.simulator.stripe_api import pages, writing
from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.answer import answer, parsed
from app.simulator.stripe_api.faults import Fault, Faults
from app.simulator.stripe_api.refusal import Refused

_IDLE_S = 30.0
_KEPT = 100_000


def _nothing(_path: str) -> None:
    """Stand in for a hook that nobody set."""


class StripeApi:
    """What the server answers, and what it has been asked.

    `requests` holds (method, path) of what came in, `counts` how often each resource was
    asked for. `between` is called with the path after the state was read and before the
    answer is sent, so that an old answer can be made to arrive late.
    """

    def __init__(
        self, account: Account, *, key: str, connected: Mapping[str, Account] | None = None
    ) -> None:
        self.account, self.between = account, _nothing
        self.requests: deque[tuple[str, str]] = deque(maxlen=_KEPT)
        self.counts: Counter[str] = Counter()
        self._key, self._connected = key, connected or {}
        self._lock = threading.Lock()
        self.misbehave(Faults())

    between: Callable[[str], None]

    def misbehave(self, faults: Faults) -> None:
        """Answer as `faults` says from the next request on, which has number 0."""
        with self._lock:
            self.faults, self._numbers = faults, count()
            self._recent: deque[float] = deque(maxlen=faults.per_s)

    def noted(self, method: str, path: str) -> Fault | None:
        """Record a request and return what shall go wrong with it."""
        with self._lock:
            self.requests.append((method, path))
            self.counts[path.removeprefix("/v1/").partition("/")[0]] += 1
            if self._too_fast():
                return Fault.LIMITED
            return self.faults.fault(next(self._numbers))

    def _too_fast(self) -> bool:
        if self.faults.per_s is None:
            return False
        now, recent = time.monotonic(), self._recent
        if len(recent) == self.faults.per_s and now - recent[0] < 1:
            return True
        recent.append(now)
        return False

    def answered(self, path: str, query: str, headers: Mapping[str, str]) -> tuple[int, Json]:
        """Return status and body for one request."""
        try:
            self._check_key(headers.get("Authorization") or "")
            account = self._account(headers.get("Stripe-Account"))
            body = answer(account, path, parsed(query))
        except Refused as refused:
            return refused.status, refused.body
        self._vanish(account, body)
        return HTTPStatus.OK, body

    def written(self, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, Json]:
        """Return status and body for one write request."""
        try:
            self._check_key(headers.get("Authorization") or "")
            account = self._account(headers.get("Stripe-Account"))
            found = writing.answer(account, path, body, headers.get("Idempotency-Key"))
        except Refused as refused:
            return refused.status, refused.body
        return HTTPStatus.OK, found

    def _check_key(self, authorization: str) -> None:
        basic = base64.b64encode(f"{self._key}:".encode()).decode()
        if authorization not in {f"Bearer {self._key}", f"Basic {basic}"}:
            raise Refused(HTTPStatus.UNAUTHORIZED, "Invalid API Key provided: sk_test_********")

    def _account(self, account_id: str | None) -> Account:
        if account_id in {None, self.account.id}:
            return self.account
        if account_id not in self._connected:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                f"The provided key does not have access to account '{account_id}'.",
                code="account_invalid",
            )
        return self._connected[account_id]

    def _vanish(self, account: Account, body: Json) -> None:
        for each in body["data"] if body.get("object") == "list" else ():
            if each["id"] in self.faults.vanishing:
                account.remove(each["object"], each["id"])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    wbufsize = -1  # an answer leaves in one piece
    disable_nagle_algorithm = True
    api: StripeApi

    def do_GET(self) -> None:
        path, query = urlsplit(self.path)[2:4]
        if page := pages.page(path):
            self._send(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")
            return
        fault = self.api.noted("GET", path)
        self._answer(path, fault, self.api.answered(path, query, dict(self.headers)))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fault = self.api.noted("POST", path)
        undone = fault is Fault.LOST or fault in _ERRORS
        answer = _NONE if undone else self.api.written(path, form, dict(self.headers))
        self._answer(path, fault, answer)

    def _answer(self, path: str, fault: Fault | None, answer: tuple[int, Json]) -> None:
        self.api.between(path)
        if fault in {Fault.DROPPED, Fault.LOST}:
            self.close_connection = True
            return
        if fault is Fault.SLOW:
            time.sleep(self.api.faults.slow_s)
        status, body = _ERRORS.get(fault, answer)
        raw = orjson.dumps(body)
        self._send(status, raw[: len(raw) // 2] if fault is Fault.HALF else raw)

    def _send(self, status: int, raw: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Stripe-Version", self.headers.get("Stripe-Version") or API_VERSION)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.send_header("Retry-After", str(self.api.faults.retry_after_s))
        self.end_headers()
        self.wfile.write(raw)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the time of Stripe's clock."""
        return formatdate(timestamp or self.api.account.now().timestamp(), usegmt=True)

    def version_string(self) -> str:
        """Name the server as Stripe does."""
        return "nginx"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
        """Log nothing: the terminal belongs to the demo."""


_NONE: tuple[int, Json] = HTTPStatus.NO_CONTENT, {}
_ERRORS: Mapping[Fault | None, tuple[int, Json]] = {
    Fault.LIMITED: (
        HTTPStatus.TOO_MANY_REQUESTS,
        Refused(429, "Request rate limit exceeded.", code="rate_limit").body,
    ),
    Fault.ERROR: (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        {"error": {"type": "api_error", "message": "An unknown error occurred."}},
    ),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def serving(api: StripeApi, port: int = 0) -> Iterator[str]:
    """Serve `api` in threads; yield its address, such as `http://127.0.0.1:4242`."""
    handler = type("Handler", (_Handler,), {"api": api})
    server = _Server((LOOPBACK, port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="stripe-api")
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
