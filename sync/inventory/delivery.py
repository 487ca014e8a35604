"""The inventory's side of an effect: what it means by now, and that done.

`converge` brings invoices in line, `look` notes how a SKU's shelves stand, `gate` opens or closes
at Stripe what is sold of it; `movement`, `level` and `notice` tell one sink.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from sync.changes import Done, Effect, Failed, Outcome, Skipped
from sync.inventory import gate, items, nightly, reservations, standing
from sync.inventory.converge import converge
from sync.inventory.gate import Switch
from sync.inventory.items import Item
from sync.inventory.ledger import Booked, book
from sync.inventory.lines import Job, waiting_for
from sync.inventory.planning import invoice_effect
from sync.inventory.policy import PLAIN, InventoryPolicy
from sync.inventory.reserving import State, reservation_of
from sync.inventory.sink import Intent, InventorySink, Level, Notice, Told
from sync.inventory.tables import NOTICE, STOCK_LEVEL, STOCK_MOVEMENT
from sync.inventory.telling import Origin, gate_effect, notice_effects, tell
from sync.mirror.objects import checkout_session as sessions
from sync.mirror.payments import invoices_paid_by
from sync.store import outbox

# How a parent is called in the effect's subject, and in the lines that wait for it.
_PARENTS = ("price", "product", "subscription")
_PAID = frozenset({"paid", "no_payment_required"})


@dataclass(frozen=True, slots=True)
class Ways:
    """Where effects lead: the rules, the sinks by name, and Stripe, where the gate may act."""

    policy: InventoryPolicy = PLAIN
    sinks: Mapping[str, InventorySink] = field(default_factory=dict)
    switch: Switch | None = None


_PLAIN = Ways()


def deliver(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways = _PLAIN) -> Outcome:
    """Do what `claimed` means by now; `now` is business time."""
    return _KINDS[claimed.effect.kind](engine, claimed, now, ways)


def resolve(engine: Engine, claimed: outbox.Claimed, ways: Ways) -> Outcome | None:
    """Ask its sink what became of an effect that must not be sent again; None: it cannot say."""
    read = _READS.get(claimed.effect.kind)
    sink = ways.sinks.get(claimed.effect.sink)
    if read is None or sink is None:
        return None
    with engine.connect() as conn:
        intent = read(conn, claimed)
    return sink.resolve(intent) if intent else None


def converge_invoice(engine: Engine, job: Job) -> None:
    """Converge one invoice in one transaction, and once more when a line began to wait.

    A price that was committed between the first reading and its commit found nobody waiting;
    the second reading sees it.
    """
    with engine.begin() as conn:
        waits = converge(conn, job)
    if waits:
        with engine.begin() as conn:
            converge(conn, job)


def _converge(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways) -> Outcome:
    """Converge the invoices that are meant.

    A payment whose invoice is not known yet is done: the tie, when it comes, asks again. It
    never ends as skipped or failed, since then a request that came meanwhile would be lost.
    """
    effect = claimed.effect
    job = Job(
        account=effect.account,
        invoice="",
        now=now,
        event_id=effect.event_id,
        livemode=effect.livemode,
        policy=ways.policy,
    )
    for invoice in _invoices(engine, effect, now, ways):
        converge_invoice(engine, replace(job, invoice=invoice))
    return Done()


def _invoices(engine: Engine, effect: Effect, now: datetime, ways: Ways) -> list[str]:
    """Return the invoices to converge at once; those that wait for a parent get their own turn."""
    (kind, object_id), *_ = effect.subject.items()
    if kind == "invoice":
        return [object_id]
    with engine.begin() as conn:
        if kind == "session":
            return _settle_session(conn, effect, object_id, now, ways)
        if kind not in _PARENTS:
            return invoices_paid_by(conn, effect.account, object_id)
        waiting = waiting_for(conn, effect.account, {kind: object_id})
        outbox.add(conn, [_woken(effect, invoice, now) for invoice in waiting])
        return []


def _woken(effect: Effect, invoice: str, now: datetime) -> Effect:
    return invoice_effect(
        effect.account, invoice, now, livemode=effect.livemode, event_id=effect.event_id
    )


def _settle_session(
    conn: Connection, effect: Effect, session: str, now: datetime, ways: Ways
) -> list[str]:
    """End what a checkout held; return its invoice, if it made one, which says what was sold.

    Without an invoice what was held is all that tells what was sold, so it leaves the shelf.
    """
    table = sessions.TABLE.c
    mine = select(table.data, table.status, table.payment_status, table.invoice)
    row = conn.execute(
        mine.where(table.id == session, table.account == effect.account)
    ).one_or_none()
    held = reservation_of(row.data) if row else None
    if row is None or held is None:
        return []
    if row.invoice:
        return [row.invoice]
    ends: State | None = "released" if row.status == "expired" else None
    if row.status == "complete" and row.payment_status in _PAID:
        ends = "committed"
    if ends:
        takes = ends == "committed"
        ended = reservations.ended(conn, [held], ends, now, event_id=effect.event_id, takes=takes)
        tell(conn, book(conn, ended), ways.policy, _origin(effect, now))
    return []


def _look(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways) -> Outcome:
    """Note how the SKU stands and tell of it, and let the gate look where it may act."""
    effect, policy = claimed.effect, ways.policy
    sku, origin = effect.subject["sku"], _origin(claimed.effect, now)
    with engine.begin() as conn:
        noticed = standing.look(conn, sku, now)
        acts = [gate_effect(sku, origin)] if policy.gate != "alert" else []
        outbox.add(conn, [*notice_effects(noticed, policy, origin), *acts])
    return Done()


def _gate(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways) -> Outcome:
    """Open or close what is sold of the SKU."""
    return gate.act(engine, claimed.effect.subject["sku"], now, ways.policy, ways.switch)


def _reconcile(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways) -> Outcome:
    """Converge recent invoices again; levels off the ledger are for a person to look at."""
    del claimed
    with engine.begin() as conn:
        nightly.converge_again(conn, now, ways.policy)
        found = nightly.differences(conn)
    return Failed(f"levels_off_the_ledger_{len(found)}") if found else Done()


def _to_sink(read: Callable[..., Intent | None]) -> Callable[..., Outcome]:
    """Return the way of one kind of intent: read after the claim, told to its sink.

    One at a time: no vendor here takes several in one call, since each has a key of its own,
    and how one ended is on record before the next is sent.
    """

    def send(engine: Engine, claimed: outbox.Claimed, now: datetime, ways: Ways) -> Outcome:
        del now
        sink = ways.sinks.get(claimed.effect.subject["sink"])
        if sink is None:
            return Failed("unknown_sink")
        with engine.connect() as conn:
            intent = read(conn, claimed)
        if intent is None:
            return Skipped("gone")
        (outcome,) = sink.deliver([intent])
        return outcome

    return send


def movement_of(conn: Connection, claimed: outbox.Claimed) -> Told | None:
    """Return the movement that an effect tells of."""
    subject = claimed.effect.subject
    found = select(STOCK_MOVEMENT).where(STOCK_MOVEMENT.c.id == int(subject["movement"]))
    row = conn.execute(found).mappings().one_or_none()
    return Told(_booked(dict(row)), subject["key"]) if row else None


def _booked(row: dict[str, Any]) -> Booked:
    return Booked(at=row.pop("created_at"), **row)


def _level_of(conn: Connection, claimed: outbox.Claimed) -> Level | None:
    subject = claimed.effect.subject
    sku, location = subject["sku"], subject["location"]
    level = STOCK_LEVEL.c
    free = select(level.on_hand - level.reserved).where(
        level.sku == sku, level.location == location
    )
    left = conn.execute(free).scalar()
    if left is None:
        return None
    item = items.load(conn, [sku]).get(sku, Item(sku=sku))
    return Level(sku, location, max(left - item.safety, 0), str(claimed.lease))


def _notice_of(conn: Connection, claimed: outbox.Claimed) -> Notice | None:
    found = select(NOTICE).where(NOTICE.c.id == int(claimed.effect.subject["notice"]))
    row = conn.execute(found).mappings().one_or_none()
    return Notice(**dict(row)) if row else None


def _origin(effect: Effect, now: datetime) -> Origin:
    return Origin(
        now=now, account=effect.account, livemode=effect.livemode, event_id=effect.event_id
    )


# What is told to a sink, by the effect's kind.
_READS: Mapping[str, Callable[[Connection, outbox.Claimed], Intent | None]] = {
    "movement": movement_of,
    "level": _level_of,
    "notice": _notice_of,
}
_KINDS: Mapping[str, Callable[[Engine, outbox.Claimed, datetime, Ways], Outcome]] = {
    "converge": _converge,
    "look": _look,
    "gate": _gate,
    "reconcile": _reconcile,
    **{kind: _to_sink(read) for kind, read in _READS.items()},
}
