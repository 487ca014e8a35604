"""What follows from movements: each follower is told of each, and shelves are looked at again.

Recorded in the transaction that booked them, last in it: an effect exists if, and only if, its
movement does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection

from sync.changes import DEBOUNCE_S, Effect
from sync.inventory.ledger import OPENING, Booked
from sync.inventory.policy import InventoryPolicy
from sync.store import outbox

# The gate's lane: Stripe may be slow, and nothing else shall wait for it.
STRIPE = "stripe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose doing a movement is; `now` is business time."""

    now: datetime
    account: str = ""
    livemode: bool = False
    event_id: str | None = None


def tell(
    conn: Connection, booked: Sequence[Booked], policy: InventoryPolicy, origin: Origin
) -> None:
    """Ask for all that follows from `booked`.

    What opens a shelf is told to no follower: it has those goods on its books already. Who
    keeps levels is told of every step, also of what is held.
    """
    told = [each for each in booked if each.counter == "on_hand" and each.cause != OPENING]
    effects = [_movement(each, sink, origin) for each in told for sink in policy.followers]
    shelves = {(each.sku, each.location) for each in booked}
    effects += [_level(*shelf, sink, origin) for shelf in shelves for sink in policy.levels]
    effects += [_look(sku, origin) for sku in {each.sku for each in booked}]
    outbox.add(conn, effects)


def look_again(conn: Connection, skus: Sequence[str], origin: Origin) -> None:
    """Ask for a look at shelves and gates of `skus`, such as after a new threshold."""
    outbox.add(conn, [_look(sku, origin) for sku in sorted(set(skus))])


def movement_key(each: Booked, sink: str) -> UUID:
    """Return the one key under which `sink` hears of a movement, however often it is told."""
    name = f"{each.source_line}|{each.sku}|{each.location}|{each.revision}|{sink}"
    return uuid5(NAMESPACE_URL, f"evergreen:{name}")


def notice_effects(notices: Sequence[int], policy: InventoryPolicy, origin: Origin) -> list[Effect]:
    """Return the effects that tell every listener of notices, given by id."""
    return [
        _effect(f"{sink}:notice:{notice}", "notice", {"sink": sink, "notice": str(notice)}, origin)
        for notice in notices
        for sink in policy.listeners
    ]


def gate_effect(sku: str, origin: Origin) -> Effect:
    """Return the effect that opens or closes at Stripe what is sold of `sku`."""
    subject = {"sink": STRIPE, "sku": sku}
    return replace(_effect(f"gate:{sku}", "gate", subject, origin), **_NEWEST)


def _movement(each: Booked, sink: str, origin: Origin) -> Effect:
    key = movement_key(each, sink)
    subject = {"sink": sink, "movement": str(each.id), "key": str(key)}
    return _effect(f"{sink}:movement:{key}", "movement", subject, origin)


def _level(sku: str, location: str, sink: str, origin: Origin) -> Effect:
    subject = {"sink": sink, "sku": sku, "location": location}
    return replace(_effect(f"{sink}:level:{location}:{sku}", "level", subject, origin), **_NEWEST)


def _look(sku: str, origin: Origin) -> Effect:
    return replace(_effect(f"look:{sku}", "look", {"sku": sku}, origin), shape="state")


# A burst of sales is one call, of what is true by then.
_NEWEST: Mapping[str, Any] = MappingProxyType({"shape": "state", "debounce_s": DEBOUNCE_S})


def _effect(name: str, kind: str, subject: Mapping[str, str], origin: Origin) -> Effect:
    return Effect(
        key=f"inventory:{name}",
        channel="inventory",
        kind=kind,
        due_at=origin.now,
        subject=subject,
        account=origin.account,
        livemode=origin.livemode,
        event_id=origin.event_id,
    )
