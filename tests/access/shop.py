"""Events through mirror, history and access, in one transaction as the drain does it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

import orjson
from sqlalchemy import Engine, text

from app.envelope import delivery
from sync import access, history
from sync.access import Access, AccessPolicy
from sync.changes import Effect
from sync.mirror.apply import apply
from sync.store import inbox, outbox
from tests.access.made import NOW, START
from tests.mirror.fold import shown

Json = Mapping[str, Any]
NUMBERS = count(1)
TELLS = AccessPolicy(restricted_days=7, tells=True, shop_url="https://shop.example")


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def event(subject: Json, at: datetime, kind: str | None = None) -> Json:
    return {
        "id": f"evt_access_{next(NUMBERS)}",
        "object": "event",
        "type": kind or f"{subject['object']}.updated",
        "created": seconds(at),
        "livemode": False,
        "data": {"object": subject},
    }


def customer(at: datetime = START, **given: Any) -> Json:
    subject = {"id": "cus_1", "object": "customer", "created": seconds(START), **given}
    return event(subject, at, "customer.deleted" if given.get("deleted") else None)


def subscription(status: str, at: datetime, **given: Any) -> Json:
    subject = {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": status,
        "created": seconds(START),
        "start_date": seconds(START),
        "latest_invoice": "in_1",
        "items": {"object": "list", "data": [], "has_more": False},
        **given,
    }
    return event(subject, at, f"customer.subscription.{given.get('type', 'updated')}")


def invoice(status: str, at: datetime, asked_at: datetime | None = None, **given: Any) -> Json:
    owed = 0 if status == "paid" else 1900
    paid_at = seconds(at) if status == "paid" else None
    subject = {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "status": status,
        "currency": "usd",
        "collection_method": "charge_automatically",
        "attempted": True,
        "attempt_count": 1,
        "amount_due": 1900,
        "amount_paid": 1900 - owed,
        "amount_remaining": owed,
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        "created": seconds(asked_at or at),
        "status_transitions": {"finalized_at": seconds(asked_at or at), "paid_at": paid_at},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [], "has_more": False},
        **given,
    }
    return event(subject, at)


def arrive(
    engine: Engine,
    events: Sequence[Json],
    now: datetime = NOW,
    policy: AccessPolicy = TELLS,
) -> list[Effect]:
    """Take events in, in one batch; return what the receiver shall be told."""
    with engine.begin() as conn:
        for each in events:
            inbox.store(conn, delivery(orjson.dumps(each), None))
        claimed = inbox.claim(conn, lane=0, lanes=1, limit=10_000)
        found = [shown(row.payload) for row in claimed.rows]
        applied = apply(conn, found)
        history.record(conn, found)
        history.rederive(conn, applied.changes)
        effects = access.follow(conn, applied.changes, now, policy, events=found)
        outbox.add(conn, effects)
        inbox.finish(conn, claimed.lease, [row.seq for row in claimed.rows])
    return effects


def tick(engine: Engine, now: datetime, policy: AccessPolicy = TELLS) -> list[Effect]:
    """Look at what time has brought."""
    with engine.begin() as conn:
        effects = access.scan(conn, now, policy)
        outbox.add(conn, effects)
    return effects


def standing(engine: Engine, now: datetime, customer_id: str = "cus_1") -> Access | None:
    with engine.connect() as conn:
        return access.load(conn, "", customer_id, now, TELLS)


def steps(engine: Engine, columns: str = "state") -> list[Any]:
    """Return these columns of the whole history, oldest first."""
    with engine.connect() as conn:
        rows = conn.execute(text(f"SELECT {columns} FROM evergreen.access_history ORDER BY id"))
        return [row[0] if len(row) == 1 else tuple(row) for row in rows]


def forget(engine: Engine, tables: Iterable[str] = ()) -> None:
    """Empty mirror, histories, inbox and outbox."""
    names = ["stripe.customers", "stripe.subscriptions", "stripe.subscription_items"]
    names += ["stripe.invoices", "stripe.invoice_line_items", "evergreen.inbox"]
    names += ["evergreen.subscription_history", "evergreen.subscription_history_items"]
    names += ["evergreen.access", "evergreen.access_history", "evergreen.outbox", *tables]
    with engine.begin() as conn:
        conn.execute(text(f"TRUNCATE {', '.join(names)}"))
