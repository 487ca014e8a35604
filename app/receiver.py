"""The webhook: verify the raw bytes, keep them, say 200, ring. Nothing else.

2xx means that the bytes are committed. Redis has no say in the answer: another thread rings. It
stands in front of Flask, whose routing, context and response cost as much as all that is done
here.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, get_args

from flask import Response

from app.body import BodyReader
from app.envelope import delivery
from app.refusals import Refusals, Refused, answer
from app.ringer import Ringer
from app.shelf import Shelf
from app.signature import verify
from sync.store.inbox import Stored

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/webhooks/stripe"
_RETRY_AFTER = {"Retry-After": "5"}
_OUTCOMES: tuple[Stored, ...] = get_args(Stored)


class Receiver:
    """Answers `POST /webhooks/stripe`; hands the requests for other paths on."""

    def __init__(
        self,
        behind: "WSGIApplication",
        bodies: BodyReader,
        shelf: Shelf,
        ringer: Ringer,
        secrets: Sequence[str],
        *,
        livemode: bool | None,
        lanes: int,
        harden: Callable[[Response], Response],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Stand in front of `behind`; `harden` adds the headers that every answer of ours has.

        `now_s` is the real time: signatures are checked against it even when the business
        clock is simulated.
        """
        self._behind, self._harden = behind, harden
        self._bodies, self._shelf, self._ringer = bodies, shelf, ringer
        self._secrets, self._livemode, self._lanes = secrets, livemode, lanes
        self._now_s = now_s
        self._refusals, self._noticed = Refusals("webhook.refused"), Refusals("webhook.noticed")
        # Made once: such an answer costs more than the check of its delivery.
        self._answers = {word: _made(harden(answer(200, "status", word))) for word in _OUTCOMES}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""
        if environ.get("PATH_INFO") != PATH:
            return self._behind(environ, start_response)
        outcome = self._receive(environ)
        if isinstance(outcome, Response):
            return self._harden(outcome)(environ, start_response)
        headers, body = self._answers[outcome]
        start_response("200 OK", list(headers))
        return [body]

    def _receive(self, environ: "WSGIEnvironment") -> Stored | Response:
        if environ["REQUEST_METHOD"] != "POST":
            return answer(405, "error", "method_not_allowed", {"Allow": "POST"})
        try:
            body = self._authentic(environ)
        except Refused as refused:
            return self._refusals.answer(refused, environ)
        arrived = delivery(body, self._livemode)
        outcome = self._shelf.store(arrived)
        if outcome == "stored":
            self._ringer.ring_events(arrived.slot % self._lanes)
        return outcome or answer(503, "error", "unavailable", _RETRY_AFTER)

    def _authentic(self, environ: "WSGIEnvironment") -> bytes:
        body = self._bodies.read(environ)
        header = environ.get("HTTP_STRIPE_SIGNATURE")
        if verify(body, header, self._secrets, self._now_s()) > 0:
            self._noticed.note("older_secret_used", environ)
        return body


def _made(response: Response) -> tuple[list[tuple[str, str]], bytes]:
    return response.headers.to_wsgi_list(), response.get_data()
