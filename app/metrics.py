"""`GET /metrics`: what waits and how far the mirror is off, for a Prometheus with the token."""

import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, Literal

from flask import Blueprint, Response, request
from sqlalchemy import Connection, Engine, func, select

from app.recent import Recent
from app.refusals import answer
from sync.store.budget import API_BUDGET
from sync.store.drift import DRIFT
from sync.store.inbox import INBOX
from sync.store.outbox import OUTBOX, claimable
from sync.store.refetch import REFETCH

_FRESH_S = 5.0
_MOST = 10_000  # a backlog beyond it is told as this number, at the same cost
_TEXT = "text/plain; version=0.0.4"
_FOUND = ("missing", "stale", "zombie")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: what it tells, and its values by label."""

    name: str
    told: str
    values: Mapping[str, float]
    kind: Literal["gauge", "counter"] = "gauge"


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


def _measure(engine: Engine) -> Sequence[Metric]:
    now = datetime.now(UTC)
    with engine.connect() as conn:
        return [*_backlog(conn, now), *_stripe(conn), *_drift(conn)]


def _backlog(conn: Connection, now: datetime) -> Iterator[Metric]:
    pending = select(INBOX.c.received_at.label("since")).where(INBOX.c.state == "pending")
    count, oldest_s = _waiting(conn, pending.order_by(INBOX.c.seq), now)
    yield _plain("events_pending", f"Events that wait to be mirrored, at most {_MOST}.", count)
    yield _plain("events_oldest_pending_seconds", "How long the oldest has waited.", oldest_s)
    due = select(OUTBOX.c.due_at.label("since")).where(claimable(now))
    count, oldest_s = _waiting(conn, due.order_by(OUTBOX.c.due_at), now)
    yield _plain("effects_due", f"Effects that are due and wait, at most {_MOST}.", count)
    yield _plain("effects_oldest_due_seconds", "How long ago the oldest fell due.", oldest_s)


def _stripe(conn: Connection) -> Iterator[Metric]:
    wishes = select(REFETCH.c.asked_at.label("since"))
    count, _ = _waiting(conn, wishes, datetime.now(UTC))
    yield _plain("refetch_waiting", f"Objects to be read again, at most {_MOST}.", count)
    budget = conn.execute(select(API_BUDGET.c.reads, API_BUDGET.c.refused)).one_or_none()
    reads, refused = budget or (0, 0)
    yield Metric("stripe_reads_total", "Reads from Stripe's API.", {"": reads}, "counter")
    told = "Reads that Stripe refused as too many."
    yield Metric("stripe_reads_refused_total", told, {"": refused}, "counter")


def _drift(conn: Connection) -> Iterator[Metric]:
    """Tell what the newest checks of each object type found, over all accounts."""
    found: Counter[str] = Counter()
    unrepaired: Counter[str] = Counter()
    checked_at: dict[str, float] = {}
    for row in conn.execute(select(DRIFT)).mappings():
        label = f'object="{row["object"]}",mode="{row["mode"]}"'
        found.update({f'{label},found="{name}"': row[name] for name in _FOUND})
        unrepaired[label] += sum(row[name] for name in _FOUND) - row["repaired"]
        checked_at[label] = min(checked_at.get(label, inf), row["checked_at"].timestamp())
    yield Metric("drift_objects", "Objects that the last check found unlike at Stripe.", found)
    yield Metric("drift_unrepaired_objects", "Those of them that it did not mend.", unrepaired)
    yield Metric("drift_checked_timestamp_seconds", "When that check was.", checked_at)


def _plain(name: str, told: str, value: float) -> Metric:
    return Metric(name, told, {"": value})


def _waiting(conn: Connection, rows: Any, now: datetime) -> tuple[int, float]:
    """Return how many rows there are and the age of the oldest in seconds."""
    some = rows.limit(_MOST).subquery()
    counted = conn.execute(select(func.count(), func.min(some.c.since))).one()
    oldest = counted[1]
    return counted[0], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


def _rendered(measured: Sequence[Metric]) -> str:
    return "".join(line for metric in measured for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    name = f"evergreen_{metric.name}"
    yield f"# HELP {name} {metric.told}\n# TYPE {name} {metric.kind}\n"
    for labels, value in metric.values.items():
        yield f"{name}{{{labels}}} {_number(value)}\n" if labels else f"{name} {_number(value)}\n"


def _number(value: float) -> str:
    """Return a number without losing the seconds of a time."""
    return str(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")
