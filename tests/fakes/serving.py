"""A provider's stand-in on a real socket, which fails as it is told."""

import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from flask import Flask, Response, request
from werkzeug.serving import make_server

# lost_before, lost_after: no answer, and nothing or everything was done. garbage: it was done,
# and the answer is no JSON. busy: 429, with or without Retry-After.
Fault = Literal[
    "lost_before", "lost_after", "garbage", "busy", "busy_for_a_while", "error", "slow", "expired"
]


@dataclass
class Faults:
    """What goes wrong next: as scripted, else by the dice."""

    script: deque[Fault | None] = field(default_factory=deque)
    share: float = 0.0
    kinds: Sequence[Fault] = ()
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    met: int = 0

    def next(self) -> Fault | None:
        """Return the next request's fault, None where it goes well."""
        if self.script:
            fault = self.script.popleft()
        else:
            fault = self.rng.choice(self.kinds) if self.rng.random() < self.share else None
        self.met += fault is not None
        return fault


def _refusal(status: int) -> Callable[[], Response]:
    return lambda: Response("{}", status, mimetype="application/json")


_REFUSALS: Mapping[Fault | None, Callable[[], Response]] = {
    "lost_before": _refusal(500),
    "busy": _refusal(429),
    "busy_for_a_while": lambda: Response("{}", 429, {"Retry-After": "1"}),
    "error": _refusal(503),
}


def failing(app: Flask, faults: Faults, on_expired: Callable[[], None] = lambda: None) -> None:
    """Let every request of `app` meet its fault."""

    @app.before_request
    def before() -> Response | None:
        request.environ["fault"] = fault = faults.next()
        if fault == "slow":
            time.sleep(0.2)
        if fault == "expired":
            on_expired()
        if fault == "lost_before":
            _hang_up()
        return _REFUSALS[fault]() if fault in _REFUSALS else None

    @app.after_request
    def after(response: Response) -> Response:
        fault = request.environ.get("fault")
        if fault == "lost_after":
            _hang_up()
        if fault == "garbage":
            response.data = b"<html>\xff"
        return response


def _hang_up() -> None:
    wire: socket.socket = request.environ["werkzeug.socket"]
    wire.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve `app` for the block; yield its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
