"""The sold-out gate: what can no longer be delivered is taken off sale, and put back later.

Only a step is acted upon, so a person who turns something on or off by hand in between keeps
the last word; and only what we turned off is ever turned on again.
Source: reference crm-inventory, section 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from sync.changes import Done, Failed, Outcome, RetryIn
from sync.errors import Rejected, Unavailable
from sync.inventory import offers
from sync.inventory.items import Item
from sync.inventory.offers import Offer
from sync.inventory.policy import GateMode, InventoryPolicy
from sync.inventory.tables import GATE

log = structlog.get_logger(__name__)

Target = Literal["payment_link", "price", "product"]


class Switch(Protocol):
    """What the gate needs of Stripe. Raises `Unavailable` or `Rejected`, nothing else.

    Turning on or off what is so already does nothing, so both are safe to repeat.
    """

    def links_with(self, price: str, account: str) -> Sequence[str]:
        """Return the payment links, on or off, that sell `price`."""
        ...

    def turn_off(self, target: Target, target_id: str, account: str) -> bool:
        """Take off sale, and mark it as ours; False when somebody else had done so before."""
        ...

    def turn_on(self, target: Target, target_id: str, account: str) -> bool:
        """Put back on sale what bears our mark; False when it does not (any more)."""
        ...


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing for sale, as the gate has it on record.

    `closed_by`: the prices that cannot be delivered. `acted`: whether it was last turned off or
    on. `disabled`: that it was us who turned it off.
    """

    account: str
    target: Target
    target_id: str
    closed_by: tuple[str, ...] = ()
    acted: bool = False
    disabled: bool = False

    @property
    def closed(self) -> bool:
        """Whether it is wanted off sale; one price that is sold out is enough."""
        return bool(self.closed_by)


def is_closed(shelves: Sequence[tuple[Item, int, int]], *, before: bool) -> bool:
    """Tell whether a thing is sold out, by what is free of each component and what one takes.

    Off as soon as one component can make up no more than its lower threshold; on again when
    every one can make up its upper one.
    """
    tracked = [(item, free // quantity) for item, free, quantity in shelves if not item.unlimited]
    if any(can <= item.oos_at for item, can in tracked):
        return True
    return before and any(can < item.resume_at for item, can in tracked)


def act(
    engine: Engine,
    sku: str,
    now: datetime,
    policy: InventoryPolicy,
    switch: Switch | None,
) -> Outcome:
    """Bring everything that is sold with `sku` in line with what is on the shelf.

    No transaction is open while Stripe is asked. What failed for now is tried again whole:
    each step is safe to repeat.
    """
    if policy.gate == "alert" or switch is None:
        return Done()
    with engine.connect() as conn:
        sold = offers.selling(conn, sku, policy)
    try:
        refused = [said for each in sold if (said := _one(engine, each, now, policy.gate, switch))]
    except Unavailable as error:
        return RetryIn(error.retry_after_s or 0, "stripe_unavailable")
    return Failed(f"gate_refused: {refused[0]}") if refused else Done()


def _one(engine: Engine, offer: Offer, now: datetime, mode: GateMode, switch: Switch) -> str | None:
    """Settle the gates of one price; return what Stripe said when it refused."""
    if not _may_change(engine, offer):
        return None
    try:
        for target, target_id in _targets(offer, mode, switch):
            gate = _decided(engine, offer, Gate(offer.account, target, target_id), now)
            _settle(engine, gate, now, switch)
    except Rejected as error:
        log.warning("gate.refused", price=offer.price, mode=mode)
        return str(error)
    return None


def _may_change(engine: Engine, offer: Offer) -> bool:
    """Tell whether Stripe must be asked at all: mostly what is open stays so."""
    column = GATE.c
    mine = or_(
        literal(offer.price) == any_(column.closed_by),
        column.acted != (func.cardinality(column.closed_by) > 0),
    )
    with engine.connect() as conn:
        known = select(column.target_id).where(column.account == offer.account, mine)
        if conn.execute(known.limit(1)).first():
            return True
        return is_closed(offers.shelves(conn, offer), before=False)


def _targets(offer: Offer, mode: GateMode, switch: Switch) -> list[tuple[Target, str]]:
    if mode == "payment_link":
        return [("payment_link", link) for link in switch.links_with(offer.price, offer.account)]
    if mode == "product":
        return [("product", offer.product)] if offer.product else []
    # Stripe does not let go of a product's default price.
    return [("price", offer.price)] if mode == "price" and not offer.is_default else []


def _decided(engine: Engine, offer: Offer, new: Gate, now: datetime) -> Gate:
    """Note whether `offer` keeps its gate closed by now; return the gate as it stands then."""
    with engine.begin() as conn:
        conn.execute(insert(GATE).on_conflict_do_nothing(), _row(new, now))
        gate = _load(conn, new, for_update=True)
        others = tuple(price for price in gate.closed_by if price != offer.price)
        before = others != gate.closed_by
        closed = is_closed(offers.shelves(conn, offer), before=before)
        decided = replace(gate, closed_by=(*others, offer.price) if closed else others)
        _change(conn, decided, now, closed_by=list(decided.closed_by))
    return decided


def _settle(engine: Engine, gate: Gate, now: datetime, switch: Switch) -> None:
    """Do what is wanted, until nobody wants anything else by then.

    Two hands may decide over one thing side by side, each for another SKU. Whoever acts looks
    again afterwards, so the last to act has seen the last decision.
    """
    done = gate.acted
    while gate.closed != done:
        done, disabled = gate.closed, False
        if gate.closed:
            disabled = switch.turn_off(gate.target, gate.target_id, gate.account)
        elif gate.disabled:
            switch.turn_on(gate.target, gate.target_id, gate.account)
        with engine.begin() as conn:
            _change(conn, gate, now, acted=done, disabled=disabled)
            gate = _load(conn, gate, for_update=False)


def _load(conn: Connection, gate: Gate, *, for_update: bool) -> Gate:
    found = select(GATE).where(_same(gate))
    row = conn.execute(found.with_for_update() if for_update else found).one()
    return replace(gate, closed_by=tuple(row.closed_by), acted=row.acted, disabled=row.disabled)


def _change(conn: Connection, gate: Gate, now: datetime, **values: Any) -> None:
    conn.execute(update(GATE).where(_same(gate)).values(since=now, **values))


def _same(gate: Gate) -> ColumnElement[bool]:
    column = GATE.c
    return and_(
        column.account == gate.account,
        column.target == gate.target,
        column.target_id == gate.target_id,
    )


def _row(gate: Gate, now: datetime) -> dict[str, object]:
    names = {"account": gate.account, "target": gate.target, "target_id": gate.target_id}
    return {**names, "closed_by": list(gate.closed_by), "since": now}
