"""What a provider told, put where it counts: on the mail's row, and among the suppressed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, literal_column, null, select, update

from notifications import suppression
from notifications.feedback.report import Event, Report
from notifications.suppression import Topic
from sync.store.outbox import MESSAGE, OUTBOX

_COLUMNS: Mapping[Event, str] = {
    "delivered": "delivered_at",
    "bounced": "bounced_at",
    "complained": "complained_at",
}
_SUBJECT = (OUTBOX.c.account, OUTBOX.c.customer_id)
# Source: lifecycle, section 4: a hard bounce or a complaint ends all mail to that address.
_TOPICS: Mapping[Event, Topic] = {"complained": "all", "unsubscribed": "marketing"}


def record(conn: Connection, report: Report) -> bool:
    """Record one report; again does nothing more. Returns whether it is about a mail of ours.

    Of a mail whose end was unclear it is now known that it was sent.
    """
    row = _note(conn, report)
    topic = _topic(report)
    if topic and report.address:
        # A dead address is dead; who is tired of our mails is so at any address.
        person = row.customer_id if row and topic == "marketing" else None
        suppression.suppress(
            conn,
            row.account if row else "",
            topic=topic,
            reason=report.event,
            customer_id=person,
            address=report.address,
        )
    return row is not None


def _topic(report: Report) -> Topic | None:
    if report.event == "bounced" and report.for_good:
        return "all"
    return _TOPICS.get(report.event)


def _note(conn: Connection, report: Report) -> Row[Any, Any] | None:
    """Return the mail's row, with what was told on it; None when it is no mail of ours."""
    if report.message is None:
        return None
    mine = and_(OUTBOX.c.channel == "mail", literal_column(MESSAGE) == report.message)
    if report.event not in _COLUMNS:
        return conn.execute(select(*_SUBJECT).where(mine)).first()
    told = update(OUTBOX).where(mine).values(**_values(report.event))
    return conn.execute(told.returning(*_SUBJECT)).first()


def _values(event: Event) -> dict[str, Any]:
    """Return when it was told first, and that a mail in doubt was sent after all.

    One that somebody took for unsent waits to go out a second time: it need not.
    """
    column = OUTBOX.c[_COLUMNS[event]]
    in_doubt = OUTBOX.c.state.in_(("unknown", "pending"))
    sent = {
        "state": "sent",
        "reason": null(),
        "retry_at": null(),
        "ended_at": func.coalesce(OUTBOX.c.ended_at, func.now()),
        "settled_at": func.coalesce(OUTBOX.c.settled_at, OUTBOX.c.due_at),
    }
    return {
        column.name: func.coalesce(column, func.now()),
        **{name: case((in_doubt, new), else_=OUTBOX.c[name]) for name, new in sent.items()},
    }
