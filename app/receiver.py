"""The webhook: verify the raw bytes, keep them, say 200, ring. Nothing else.

2xx means that the bytes are committed. Redis has no say in the answer: another thread rings.
"""

import time
from collections.abc import Callable, Sequence

from flask import Blueprint, Response, request

from app.body import BodyReader
from app.envelope import delivery
from app.refusals import Refusals, Refused, answer
from app.ringer import Ringer
from app.shelf import Shelf
from app.signature import verify

_RETRY_AFTER = {"Retry-After": "5"}


def blueprint(
    bodies: BodyReader,
    shelf: Shelf,
    ringer: Ringer,
    secrets: Sequence[str],
    *,
    livemode: bool | None,
    lanes: int,
    now_s: Callable[[], float] = time.time,
) -> Blueprint:
    """Return the route `POST /webhooks/stripe`.

    `now_s` is the real time: signatures are checked against it even when the business clock
    is simulated.
    """
    routes = Blueprint("receiver", __name__)
    refusals, noticed = Refusals("webhook.refused"), Refusals("webhook.noticed")

    @routes.post("/webhooks/stripe", provide_automatic_options=False)
    def receive() -> Response:
        try:
            body = bodies.read(request.environ)
            secret_used = verify(body, request.headers.get("Stripe-Signature"), secrets, now_s())
        except Refused as refused:
            return refusals.answer(refused, request.environ)
        if secret_used > 0:
            noticed.note("older_secret_used", request.environ)
        arrived = delivery(body, livemode)
        outcome = shelf.store(arrived)
        if outcome is None:
            return answer(503, "error", "unavailable", _RETRY_AFTER)
        if outcome == "stored":
            ringer.ring_events(arrived.slot % lanes)
        return answer(200, "status", outcome)

    return routes
