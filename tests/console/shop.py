"""A shop's year in the database, with everything an operator may have to look at.

Whatever a stranger could write (names, numbers, descriptions, addresses) holds `HOSTILE` when
asked for: nothing of it may reach a page as markup.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, text, update

from app.simulator.year import shop_year
from sync.changes import Effect
from sync.clock import start
from sync.crm.tables import CRM_RECORD
from sync.inventory.tables import (
    GATE,
    NOTICE,
    RESERVATION,
    RESERVATION_ITEM,
    STOCK_LEVEL,
    STOCK_MOVEMENT,
)
from sync.store import inbox, outbox
from sync.store.inbox import INBOX, Delivery
from sync.store.outbox import OUTBOX
from tests.mirror.fold import Json, fold

HOSTILE = "<script>alert('canary')</script>\"><img src=x onerror=canary>"
ADDRESS = "somebody@customer.example"
START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
UNTIL = datetime(2026, 12, 31, tzinfo=UTC)
_FREE_TEXT = frozenset({"name", "number", "description", "phone", "nickname", "receipt_number"})
# How the steps of a campaign end.
_ENDS: Mapping[str, tuple[str, str | None]] = {
    "1": ("sent", None),
    "2": ("skipped", "paid"),
    "3": ("unknown", "sender_vanished"),
}
_FAILED = ("failed", "refused_550")


def story(*, customers: int = 14, seed: int = 15) -> list[Json]:
    """Return a year's events, cut where the last charge has failed and nothing was mended."""
    events = shop_year(seed, customers=customers, start=START, until=UNTIL).events
    failed = [n for n, event in enumerate(events) if event["type"] == "invoice.payment_failed"]
    # What Stripe tells in that same second belongs to it: the subscription is past due.
    same = [n for n, e in enumerate(events) if e["created"] == events[failed[-1]]["created"]]
    return list(events[: same[-1] + 1])


def instant_of(event: Json) -> datetime:
    """Return when an event happened."""
    return datetime.fromtimestamp(event["created"], UTC)


def hostile(value: Any) -> Any:
    """Return `value` with `HOSTILE` in every text that people write."""
    if isinstance(value, dict):
        return {
            k: f"{v or ''}{HOSTILE}" if k in _FREE_TEXT and isinstance(v, str) else hostile(v)
            for k, v in value.items()
        }
    return [hostile(each) for each in value] if isinstance(value, list) else value


def fill(engine: Engine, events: Sequence[Json], *, mark: str = "") -> None:
    """Put a shop into an empty database; `mark` stands in every text of our own tables."""
    now = instant_of(events[-1])
    fold(engine, [events[at : at + 300] for at in range(0, len(events), 300)])
    with engine.begin() as conn:
        start(conn, now)
        outbox.add(conn, list(_effects(events, now)))
        _settle(conn, now, mark)
        _odd_events(conn, mark)
        _stock(conn, now, mark)
        records = [_crm_record(customer, now, mark) for customer in _customers(events)]
        conn.execute(insert(CRM_RECORD), records)


def _customers(events: Sequence[Json]) -> list[str]:
    created = [e for e in events if e["type"] == "customer.created"]
    return [event["data"]["object"]["id"] for event in created]


def _effects(events: Sequence[Json], now: datetime) -> Iterator[Effect]:
    """Yield three mails per failed charge, some of them still to come, and what goes elsewhere."""
    failures = [e for e in events if e["type"] == "invoice.payment_failed"]
    first = {e["data"]["object"]["id"]: e for e in reversed(failures)}
    for event in first.values():
        invoice, at = event["data"]["object"], instant_of(event)
        about = {"invoice": invoice["id"]}
        key = f":test:payment_failed:{invoice['id']}"
        origin = {"customer_id": invoice["customer"], "event_id": event["id"]}
        for step in range(1, 4):
            due = at + timedelta(days=(step - 1) * 4)
            subject = {**about, "step": str(step)}
            yield Effect(
                key=f"{key}:{step}",
                channel="mail",
                kind="payment_failed",
                due_at=due,
                expires_at=due + timedelta(days=4),
                subject=subject,
                **origin,
            )
        sink = f"crm:local:{invoice['customer']}"
        yield Effect(key=sink, channel="crm", kind="sync", due_at=at, shape="state", **origin)
    for number, customer in enumerate(_customers(events)):
        soon = now + timedelta(days=number)
        key = f":test:renewal_reminder:{customer}"
        reminder = Effect(
            key=key, channel="mail", kind="renewal_reminder", due_at=soon, customer_id=customer
        )
        yield reminder


def _settle(conn: Any, now: datetime, mark: str) -> None:
    """End what is due by `now`, in turn well, not at all, unclearly and badly."""
    for claimed in outbox.claim(conn, now, limit=1000):
        state, reason = _ENDS.get(claimed.effect.subject.get("step", ""), _FAILED)
        state = "done" if claimed.effect.channel != "mail" else state
        values = {
            "state": state,
            "reason": reason and f"{reason}{mark}",
            "settled_at": claimed.effect.due_at,
        }
        conn.execute(update(OUTBOX).where(OUTBOX.c.key == claimed.effect.key).values(values))


def _odd_events(conn: Any, mark: str) -> None:
    """Add what is not `done`: a parked body of nonsense, a dead event and one that waits."""
    nonsense = f"no JSON {mark}\x00\xff".encode("latin-1")
    inbox.store(conn, Delivery(event_id="sha256:abc", payload=nonsense, parked="not_an_event"))
    for number, state in enumerate(("dead", "pending")):
        event_id = f"evt_{state}"
        inbox.store(
            conn,
            Delivery(
                event_id=event_id,
                payload=b'{"data": {"object": [1]}, "lone": "\\ud800"}',
                type="customer.updated",
                object_id="cus_nobody",
                created=UNTIL + timedelta(seconds=number),
                slot=7,
            ),
        )
        values = {"state": state, "last_error": f"it broke {mark}", "attempts": 3}
        conn.execute(update(INBOX).where(INBOX.c.event_id == event_id).values(values))


def _stock(conn: Any, now: datetime, mark: str) -> None:
    """Fill four shelves: one well, one at the edge of low, one just above it, one oversold."""
    garden, units = f"GARDEN-BOX{mark}", {"SEEDS": 5, "GLOVES": 6, "POTS": -3}
    for sku, on_hand in {garden: 120, **units}.items():
        level = {"sku": sku, "location": "main", "on_hand": on_hand, "updated_at": now}
        conn.execute(insert(STOCK_LEVEL), level)
    conn.execute(insert(STOCK_MOVEMENT), [_sale(line, garden, now) for line in range(60)])
    shelf = {"sku": "POTS", "location": "main"}
    hold = {"id": "rsv_1", "request": "[]", "created_at": now, "expires_at": now}
    conn.execute(insert(RESERVATION), hold)
    held = {"reservation": "rsv_1", **shelf, "asked": 2, "quantity": 2}
    conn.execute(insert(RESERVATION_ITEM), held)
    notice = {"kind": "oversold", **shelf, "on_hand": -3, "available": -3, "at": now}
    conn.execute(insert(NOTICE), notice)
    price = conn.execute(text("SELECT min(id) FROM stripe.prices")).scalar_one()
    gate = {"target": "price", "target_id": price, "disabled": True, "since": now}
    conn.execute(insert(GATE), {**gate, "closed_by": [price]})


def _sale(line: int, sku: str, now: datetime) -> dict[str, Any]:
    return {
        "source_line": f"in_1:il_{line}",
        "sku": sku,
        "location": "main",
        "revision": 1,
        "counter": "on_hand",
        "delta": -1,
        "level_after": 179 - line,
        "cause": "sale",
        "created_at": now,
    }


def _crm_record(customer_id: str, now: datetime, mark: str) -> dict[str, Any]:
    data = {"customer_id": customer_id, "plan": f"Garden Box{mark}", "mrr_minor": 2900}
    return {
        "customer_id": customer_id,
        "version": 3,
        "data": data,
        "updated_at": now,
        "read_at": now,
    }
