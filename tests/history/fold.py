"""Events through inbox, mirror and history as the drain does it, and what stands there then."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select, text

from app.envelope import delivery
from sync import history
from sync.history.tables import HISTORY, ITEMS, STATES
from sync.mirror.apply import apply
from sync.mirror.events import Event, parse
from sync.mirror.shapes import Json
from sync.store import inbox

_TABLES = (
    "evergreen.inbox",
    HISTORY.fullname,
    ITEMS.fullname,
    "stripe.subscriptions",
    "stripe.subscription_items",
    "stripe.customers",
    "stripe.discounts",
    "stripe.coupons",
    "stripe.prices",
    "stripe.invoices",
    "stripe.invoice_line_items",
    "stripe.other_objects",
)


def fold(engine: Engine, batches: Iterable[Sequence[Json]]) -> None:
    """Deliver `batches` one after the other; a repeated event is not processed again."""
    for batch in batches:
        with engine.begin() as conn:
            fold_one(conn, batch)


def fold_one(conn: Connection, batch: Sequence[Json]) -> None:
    """Deliver one batch in the transaction of the caller."""
    for event in batch:
        inbox.store(conn, delivery(orjson.dumps(event), None))
    claimed = inbox.claim(conn, lane=0, lanes=1, limit=10_000)
    if not claimed.rows:
        return
    events = [parse(row.payload) for row in claimed.rows]
    shown = [event for event in events if isinstance(event, Event)]
    applied = apply(conn, shown)
    history.record(conn, shown)
    history.rederive(conn, applied.changes)
    inbox.finish(conn, claimed.lease, [row.seq for row in claimed.rows])


def content(engine: Engine) -> list[tuple[Any, ...]]:
    """Return all that both tables hold, but when it was recorded."""
    query = (
        f"SELECT to_jsonb(t) - 'recorded_at' FROM {table.fullname} t ORDER BY 1"
        for table in (HISTORY, ITEMS)
    )
    with engine.connect() as conn:
        return [tuple(row) for each in query for row in conn.execute(text(each))]


def standing(engine: Engine, at: datetime) -> dict[str, Any]:
    """Return each subscription's row at `at`; there must be no more than one."""
    states = STATES.c
    query = select(STATES).where(
        states.effective_at <= at, (states.until > at) | states.until.is_(None)
    )
    with engine.connect() as conn:
        rows = conn.execute(query).all()
    assert len({row.subscription for row in rows}) == len(rows)
    return {row.subscription: row for row in rows}


def empty(engine: Engine) -> None:
    """Forget everything, as in a new database."""
    with engine.begin() as conn:
        conn.execute(text(f"TRUNCATE {', '.join(_TABLES)}"))


def at(second: int) -> datetime:
    """Return an instant in the time of `event`."""
    return datetime.fromtimestamp(_EPOCH + second, UTC)


_EPOCH = 1_700_000_000


def event(number: int, kind: str, second: int, shown: Json, previous: Json | None = None) -> Json:
    """Return an event as Stripe would send it."""
    return {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "created": _EPOCH + second,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {
            "object": shown,
            **({} if previous is None else {"previous_attributes": previous}),
        },
    }


def price(unit_amount: int | None = 1_000, **given: Any) -> dict[str, Any]:
    """Return a monthly price."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    return {
        "id": "price_1",
        "object": "price",
        "currency": "usd",
        "product": "prod_1",
        "recurring": recurring | given.pop("recurring", {}),
        "unit_amount": unit_amount,
        **given,
    }


def subscription(*items: Json, **given: Any) -> dict[str, Any]:
    """Return an active subscription to `items`, each a price or a whole item."""
    listed = [
        each
        if each["object"] == "subscription_item"
        else {"id": f"si_{n}", "object": "subscription_item", "price": each, "quantity": 1}
        for n, each in enumerate(items or (price(),))
    ]
    return {
        "id": "sub_1",
        "object": "subscription",
        "created": _EPOCH,
        "currency": "usd",
        "customer": "cus_1",
        "discounts": [],
        "items": {"object": "list", "data": listed, "has_more": False},
        "status": "active",
        **given,
    }


def discount(coupon: str | Json, discount_id: str = "di_1", **given: Any) -> dict[str, Any]:
    """Return a discount as Stripe shows it since 2025-09-30.clover; `end` in our seconds."""
    for name in ("start", "end"):
        if given.get(name) is not None:
            given[name] += _EPOCH
    return {
        "id": discount_id,
        "object": "discount",
        "customer": "cus_1",
        "subscription": None,
        "source": {"type": "coupon", "coupon": coupon},
        "start": _EPOCH,
        "end": None,
        **given,
    }


def coupon(coupon_id: str = "HALF", **given: Any) -> dict[str, Any]:
    """Return a coupon of half the price for ever."""
    return {
        "id": coupon_id,
        "object": "coupon",
        "percent_off": 50.0,
        "amount_off": None,
        "currency": None,
        "duration": "forever",
        "created": _EPOCH,
        **given,
    }
