"""Events: what came in, what became of it, and once more if need be."""

import json
from typing import Any

import structlog
from flask import Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import RowMapping

from app.console import asked, queries_events
from app.console.page import Desk, Page, Route
from app.console.words import payload
from sync.mirror.shapes import customer_of
from sync.store import inbox

log = structlog.get_logger(__name__)


def listed(desk: Desk) -> ResponseReturnValue:
    """Show events, the newest first, by state, type, object and time."""
    wanted = {
        "state": asked.choice("state", inbox.STATES),
        "type": asked.text("type"),
        "object": asked.text("object"),
        "received": asked.choice("received", ("last-day",)),
    }
    with desk.reading() as conn:
        events = queries_events.listed(
            conn,
            state=wanted["state"],
            type_=wanted["type"],
            object_id=wanted["object"],
            last_day=bool(wanted["received"]),
            before=asked.before(),
        )
    return desk.render("events.html", events=events, wanted=wanted, states=inbox.STATES)


def show(desk: Desk, event_id: str) -> ResponseReturnValue:
    """Show one event: its envelope, its payload and the effects that came from it."""
    with desk.reading() as conn:
        event = _found(queries_events.load(conn, event_id, request.args.get("account")))
        effects = queries_events.effects_of(conn, event_id, _customer(event["payload"]))
    return desk.render(
        "event.html",
        event=event,
        effects=effects,
        payload=payload(bytes(event["payload"])),
        replayed=asked.choice("replayed", ("yes", "no")),
    )


def raw(desk: Desk, event_id: str) -> ResponseReturnValue:
    """Hand out the payload, byte for byte as Stripe signed it."""
    with desk.reading() as conn:
        event = _found(queries_events.load(conn, event_id, request.args.get("account")))
    headers = {"Content-Disposition": "attachment; filename=payload.json"}
    return Response(bytes(event["payload"]), headers=headers, content_type="application/json")


def replay(desk: Desk, event_id: str) -> ResponseReturnValue:
    """Make an event pending again and wake a worker for it."""
    account = request.args.get("account")
    with desk.engine.begin() as conn:
        event = _found(queries_events.load(conn, event_id, account))
        replayed = inbox.replay(conn, [event_id])
    desk.doorbell.ring_events(event["slot"] % desk.lanes)
    log.info("event.replayed", event_id=event_id, count=replayed)
    outcome = "yes" if replayed else "no"
    shown = url_for("console.event", event_id=event_id, account=account, replayed=outcome)
    return redirect(shown, 303)


def _found(event: RowMapping | None) -> RowMapping:
    if event is None:
        abort(404, "No such event ever came in.")
    return event


def _customer(body: bytes) -> str | None:
    """Return the customer an event's payload names, if it can be read at all."""
    try:
        subject: Any = json.loads(bytes(body))["data"]["object"]
        return customer_of(subject)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


PAGE = Page(
    "Events",
    (
        Route("events", "/events", listed),
        Route("event", "/events/<event_id>", show),
        Route("payload", "/events/<event_id>/payload", raw),
        Route("replay", "/events/<event_id>/replay", replay, methods=("POST",)),
    ),
)
