"""Stock held for a checkout: promised at most once, however many ask at the same instant.

A hold is a movement of `reserved` like any other, so the ledger tells of it, too. Every shelf is
locked before it is looked at, in one order for everybody: what is free then stays free until it
is held.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.dialects.postgresql import insert

from sync.errors import Malformed, Rejected
from sync.inventory import items, ledger
from sync.inventory.items import Item
from sync.inventory.ledger import Counter, Movement
from sync.inventory.policy import PLAIN, InventoryPolicy
from sync.inventory.reserving import Shelf, State, Wish
from sync.inventory.tables import RESERVATION, RESERVATION_ITEM, STOCK_LEVEL
from sync.inventory.telling import Origin, tell

AT_ONCE = 1_000


class NotEnough(Rejected):
    """Something is not there in that quantity; nothing was held. `short` says how many are."""

    def __init__(self, short: dict[Shelf, int]) -> None:
        super().__init__("not enough stock")
        self.short = short


class KeyReused(Rejected):
    """The idempotency key belongs to another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is held; `granted` is what was asked, or less of a SKU that is sold in part."""

    id: str
    state: State
    created_at: datetime
    expires_at: datetime
    granted: tuple[tuple[Shelf, int], ...]


def reserve(
    conn: Connection,
    wish: Wish,
    now: datetime,
    *,
    key: str | None = None,
    policy: InventoryPolicy = PLAIN,
) -> Reservation:
    """Hold all of `wish`, or nothing of it: who gets an error rolls back.

    The same `key` with the same wish returns the first reservation, however it stands by now.

    Raises:
        NotEnough: what is short; KeyReused: another wish came under this key;
        Malformed: a SKU that nobody has ever heard of.
    """
    new_id = f"rsv_{uuid4().hex}"
    if not _begin(conn, new_id, wish, now, key):
        return _earlier(conn, wish, key)
    known = items.load(conn, [sku for (sku, _), _ in wish.quantities])
    if unknown := sorted({sku for (sku, _), _ in wish.quantities} - set(known)):
        raise Malformed(f"unknown SKU: {', '.join(unknown)}")
    left = {shelf: _left(conn, shelf, known[shelf[0]], now) for shelf, _ in wish.quantities}
    held = {shelf: grant(known[shelf[0]], n, left[shelf]) for shelf, n in wish.quantities}
    if short := {shelf: left[shelf] for shelf, n in held.items() if n == 0}:
        raise NotEnough(short)
    _keep_items(conn, new_id, wish, held)
    tell(conn, ledger.book(conn, _steps(new_id, held, now)), policy, Origin(now=now))
    found = find(conn, new_id)
    assert found, "begun above"
    return found


def find(conn: Connection, reservation_id: str) -> Reservation | None:
    """Return a reservation, None when there is none of that id."""
    row = conn.execute(select(RESERVATION).where(RESERVATION.c.id == reservation_id)).first()
    if row is None:
        return None
    held = RESERVATION_ITEM.c
    of_it = select(RESERVATION_ITEM).where(held.reservation == reservation_id)
    return Reservation(
        id=row.id,
        state=row.state,
        created_at=row.created_at,
        expires_at=row.expires_at,
        granted=tuple(
            ((each.sku, each.location), each.quantity)
            for each in conn.execute(of_it.order_by(held.sku, held.location))
        ),
    )


def release(
    conn: Connection, reservation_id: str, now: datetime, policy: InventoryPolicy = PLAIN
) -> None:
    """Give back what is held; what has ended before stays as it ended."""
    booked = ledger.book(conn, ended(conn, [reservation_id], "released", now))
    tell(conn, booked, policy, Origin(now=now))


def expire(conn: Connection, now: datetime, policy: InventoryPolicy = PLAIN) -> int:
    """Give back what was held until `now` at the latest; return of how many reservations.

    At most `AT_ONCE`; the rest follows with the next call. What another hand is about to end
    is left to it.
    """
    column = RESERVATION.c
    late = select(column.id).where(column.state == "held", column.expires_at <= now)
    ids = conn.execute(
        late.order_by(column.expires_at).limit(AT_ONCE).with_for_update(skip_locked=True)
    ).scalars()
    found = list(ids)
    if found:
        booked = ledger.book(conn, ended(conn, found, "expired", now))
        tell(conn, booked, policy, Origin(now=now))
    return len(found)


def ended(
    conn: Connection,
    ids: Iterable[str],
    state: State,
    now: datetime,
    *,
    event_id: str | None = None,
    takes: bool = False,
) -> list[Movement]:
    """End reservations that are held; return the movements that this asks to book.

    `takes`: the goods leave the shelf with it, since no invoice line says so; they do so, too,
    when the hold was over before its checkout was paid.
    """
    movements: list[Movement] = []
    facts: dict[str, Any] = {"cause": f"reservation_{state}", "at": now, "event_id": event_id}
    for each in sorted(set(ids)):
        if _step(conn, each, ("held",), state, now):
            counters: Sequence[Counter] = ("reserved", "on_hand") if takes else ("reserved",)
            movements += _ending(conn, each, counters, revision=2, **facts)
        elif takes and _step(conn, each, ("expired", "released"), state, now):
            movements += _ending(conn, each, ("on_hand",), revision=3, **facts)
    return movements


def _step(
    conn: Connection, reservation_id: str, before: Sequence[State], after: State, now: datetime
) -> bool:
    """Lead a reservation from one of the states `before` to `after`; False when in none."""
    mine = and_(RESERVATION.c.id == reservation_id, RESERVATION.c.state.in_(before))
    step = update(RESERVATION).where(mine).values(state=after, ended_at=now)
    return conn.execute(step).rowcount == 1


def _begin(conn: Connection, new_id: str, wish: Wish, now: datetime, key: str | None) -> bool:
    """Take the idempotency key; False when another request has it."""
    row = {
        "id": new_id,
        "idempotency_key": key,
        "request": wish.as_text(),
        "created_at": now,
        "expires_at": now + timedelta(seconds=wish.ttl_s),
    }
    taken = insert(RESERVATION).on_conflict_do_nothing().returning(RESERVATION.c.id)
    return conn.execute(taken, row).first() is not None


def _earlier(conn: Connection, wish: Wish, key: str | None) -> Reservation:
    column = RESERVATION.c
    of_key = select(column.id, column.request).where(column.idempotency_key == key)
    row = conn.execute(of_key).one()
    if row.request != wish.as_text():
        raise KeyReused("this idempotency key was used for another request")
    found = find(conn, row.id)
    assert found, "it has this key"
    return found


def _left(conn: Connection, shelf: Shelf, item: Item, now: datetime) -> int:
    """Lock a shelf and return how many may be promised there."""
    if item.unlimited:
        ledger.know_shelf(conn, *shelf, now)
    level = STOCK_LEVEL.c
    at_shelf = and_(level.sku == shelf[0], level.location == shelf[1])
    free = select(level.on_hand - level.reserved - item.safety).where(at_shelf)
    return max(conn.execute(free.with_for_update()).scalar() or 0, 0)


def grant(item: Item, wanted: int, left: int) -> int:
    """Return how many of `wanted` are held where `left` are free; 0: too few."""
    if item.unlimited or wanted <= left:
        return wanted
    return left if item.policy == "partial" else 0


def _keep_items(conn: Connection, reservation_id: str, wish: Wish, held: dict[Shelf, int]) -> None:
    rows = [
        {
            "reservation": reservation_id,
            "sku": sku,
            "location": location,
            "asked": wanted,
            "quantity": held[sku, location],
        }
        for (sku, location), wanted in wish.quantities
    ]
    conn.execute(insert(RESERVATION_ITEM), rows)


def _steps(reservation_id: str, held: dict[Shelf, int], now: datetime) -> list[Movement]:
    return [
        _movement(reservation_id, shelf, revision=1, delta=quantity, cause="reservation", at=now)
        for shelf, quantity in held.items()
    ]


def _ending(
    conn: Connection, reservation_id: str, counters: Sequence[Counter], **facts: Any
) -> list[Movement]:
    found = find(conn, reservation_id)
    assert found, "ended just now"
    return [
        _movement(found.id, shelf, counter=counter, delta=-quantity, **facts)
        for shelf, quantity in found.granted
        if quantity
        for counter in counters
    ]


def _movement(reservation_id: str, shelf: Shelf, **facts: Any) -> Movement:
    step: dict[str, Any] = {"counter": "reserved", "event_id": None, **facts}
    return Movement(source_line=reservation_id, sku=shelf[0], location=shelf[1], **step)
