"""`GET /metrics`: what waits and for how long, for a Prometheus that knows the token."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy import Connection, Engine, func, select

from app.recent import Recent
from app.refusals import answer
from sync.store.inbox import INBOX
from sync.store.outbox import OUTBOX, claimable

_FRESH_S = 5.0
_MOST = 10_000  # a backlog beyond it is told as this number, at the same cost
_TEXT = "text/plain; version=0.0.4"
_GAUGES: Mapping[str, str] = {
    "evergreen_events_pending": f"Events that wait to be mirrored, at most {_MOST} of them.",
    "evergreen_events_oldest_pending_seconds": "How long the oldest of them has waited.",
    "evergreen_effects_due": f"Effects that are due and wait, at most {_MOST} of them.",
    "evergreen_effects_oldest_due_seconds": "How long ago the oldest of them fell due.",
}


def blueprint(engine: Engine, token: str | None) -> Blueprint:
    """Return the page; without a `token` in the settings there is none."""
    routes = Blueprint("metrics", __name__)
    measured = Recent(lambda: _measure(engine), fresh_s=_FRESH_S)

    @routes.get("/metrics")
    def metrics() -> Response:
        if token is None:
            return answer(404, "error", "not_found")
        if not _knows(token):
            return answer(401, "error", "unauthorized", {"WWW-Authenticate": "Bearer"})
        return Response(_rendered(measured.value()), mimetype=_TEXT)

    return routes


def _knows(token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def _measure(engine: Engine) -> Mapping[str, float]:
    now = datetime.now(UTC)
    pending = select(INBOX.c.received_at.label("since")).where(INBOX.c.state == "pending")
    due = select(OUTBOX.c.due_at.label("since")).where(claimable(now))
    with engine.connect() as conn:
        events = _waiting(conn, pending.order_by(INBOX.c.seq), now)
        effects = _waiting(conn, due.order_by(OUTBOX.c.due_at), now)
    return dict(zip(_GAUGES, (*events, *effects), strict=True))


def _waiting(conn: Connection, rows: Any, now: datetime) -> tuple[int, float]:
    """Return how many rows there are and the age of the oldest in seconds."""
    some = rows.limit(_MOST).subquery()
    counted = conn.execute(select(func.count(), func.min(some.c.since))).one()
    oldest = counted[1]
    return counted[0], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _rendered(measured: Mapping[str, float]) -> str:
    return "".join(
        f"# HELP {name} {said}\n# TYPE {name} gauge\n{name} {measured[name]:g}\n"
        for name, said in _GAUGES.items()
    )
