"""Events and readings of subscriptions into the history, in the transaction of the caller."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from sync.changes import Change
from sync.history import known, ties
from sync.history.deriving import derive
from sync.history.states import is_subscription, key_of, state_of
from sync.history.writing import write
from sync.mirror.events import GONE, READ, Event

# What amounts rest on beside the subscription itself.
SOURCES = frozenset({"discount", "coupon", "price"})
_SHARED = text("SELECT pg_advisory_xact_lock_shared(hashtext('evergreen.history'), 0)")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtext('evergreen.history'), 0)")


def record(conn: Connection, events: Sequence[Event]) -> None:
    """Append the state that each subscription event of a batch shows; once, whenever it comes.

    All of them: the ones that lose in the mirror and the late ones, too. Comes after the batch
    was folded into the mirror, so that its discounts and coupons are known.
    """
    _append(conn, events, alone=any(event.object_type in SOURCES for event in events))


def record_readings(conn: Connection, changes: Sequence[Change]) -> None:
    """Append the states that readings from the API brought: of each, what it changed.

    `changes` are those of `sync.mirror.reading.fold`; only the subscriptions leave a state.
    """
    read = [_read(change) for change in changes if change.object == "subscription"]
    _append(conn, read, alone=any(change.object in SOURCES for change in changes))


def _append(conn: Connection, events: Sequence[Event], *, alone: bool) -> None:
    shown = {(event.account, key_of(event)): event for event in events if is_subscription(event)}
    if not shown:
        return
    hold(conn, alone=alone)
    states = [state_of(event) for event in shown.values()]
    found = known.load(conn, states)
    write(conn, [derive(state, found) for state in states])
    ties.settle(conn, list(shown.values()))


def hold(conn: Connection, *, alone: bool) -> None:
    """Keep who records a state and who brings what it rests on from missing each other.

    Either sees the other's work only when it is committed, so one of them must wait: who
    brings a discount, coupon or price (`alone`), for all who record, until their transactions
    end. Those who record do not wait for each other.
    """
    conn.execute(_ALONE if alone else _SHARED)


def _read(change: Change) -> Event:
    return Event(
        id=f"api:{change.at.timestamp():.0f}",
        type=GONE if change.deleted else READ,
        created=change.at,
        account=change.account,
        livemode=change.livemode,
        object={**change.after, "object": "subscription", "id": change.id},
    )
