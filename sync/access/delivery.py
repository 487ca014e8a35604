"""The receiver's side of access: tell the shop where a customer stands, signed."""

import hashlib
from datetime import datetime

import orjson
from sqlalchemy import Column, Connection, DateTime, Engine, Table, Text, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from sync.access import facts
from sync.access.shown import iso, shown
from sync.access.standing import Access, AccessPolicy, Facts, decide
from sync.changes import Outcome, Skipped
from sync.store.engine import EVERGREEN, METADATA
from sync.store.outbox import Claimed
from sync.webhook import GONE, Webhook
from sync.webhook_signature import Endpoint

TYPE = "access.changed"

# Receivers that answered 410: nothing goes there until somebody asks for it.
WEBHOOK_GONE = Table(
    "webhook_gone",
    METADATA,
    Column("endpoint", Text, primary_key=True),
    Column("gone_at", DateTime(timezone=True), nullable=False),
    schema=EVERGREEN,
)


def deliver(
    engine: Engine, claimed: Claimed, now: datetime, webhook: Webhook | None, policy: AccessPolicy
) -> Outcome:
    """Tell where the customer stands by now, read after the claim and before the call.

    `now` is business time. A change that comes while this runs asks again by itself.
    """
    if webhook is None:
        return Skipped("webhook_off")
    effect = claimed.effect
    key = (effect.account, effect.subject["customer"])
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
        if is_gone(conn, webhook.endpoint):
            return Skipped(GONE.reason)
        known = facts.load(conn, [key]).get(key)
    if known is None:
        return Skipped("customer_unknown")
    outcome = webhook.post(*_message(claimed, known, decide(known, now, policy)))
    if outcome == GONE:
        with engine.begin() as conn:
            row = {"endpoint": webhook.endpoint.id, "gone_at": func.now()}
            conn.execute(insert(WEBHOOK_GONE).values(row).on_conflict_do_nothing())
    return outcome


def is_gone(conn: Connection, endpoint: Endpoint) -> bool:
    """Tell whether this receiver has said that it wants no more."""
    found = select(WEBHOOK_GONE.c.gone_at).where(WEBHOOK_GONE.c.endpoint == endpoint.id)
    return conn.execute(found).first() is not None


def come_back(conn: Connection, endpoint: Endpoint) -> None:
    """Deliver to a receiver again that was gone."""
    conn.execute(delete(WEBHOOK_GONE).where(WEBHOOK_GONE.c.endpoint == endpoint.id))


def _message(claimed: Claimed, known: Facts, access: Access) -> tuple[str, bytes]:
    """Return the id and the content: the same state, asked for once, is the same message.

    An attempt that finds another state than the one before it is another message, or a
    receiver that had taken the first would drop the second. `revision` grows with every
    request, so that one that comes late can be told.
    """
    data = {
        **shown(known.customer_id, access),
        "account": known.account or None,
        "livemode": known.livemode,
        "revision": claimed.revision,
    }
    said = orjson.dumps(data)
    name = hashlib.sha256(claimed.effect.key.encode() + b"\n" + said).hexdigest()[:32]
    at = claimed.effect.due_at
    return f"msg_{name}", orjson.dumps({"type": TYPE, "timestamp": iso(at), "data": data})
