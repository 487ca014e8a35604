"""Which state of a second came last, by the mirror's own rule for order.

Several states of one subscription often share a second. All are kept; the one that stood when
the second was over is marked, and the marks depend on nothing but the set of events.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, text

from sync.history.states import is_subscription
from sync.mirror.events import Event, usable
from sync.mirror.ordering import newest

_DEPTH = 32

# The seconds that events of a batch fall into, and those that an older event may yet change.
_SHARED = text("""
SELECT account, subscription, state_at, array_agg(event_id) AS event_ids
FROM (
    SELECT h.account, h.subscription, h.state_at, h.event_id
    FROM unnest(
        CAST(:accounts AS text[]), CAST(:subscriptions AS text[]), CAST(:seconds AS timestamptz[])
    ) AS told(account, subscription, state_at)
    JOIN evergreen.subscription_history h USING (account, subscription, state_at)
    WHERE h.effective_at = h.state_at
    UNION
    SELECT account, subscription, state_at, event_id
    FROM evergreen.subscription_history
    WHERE provisional AND subscription = ANY(:subscriptions) AND effective_at = state_at
) AS states
GROUP BY account, subscription, state_at
HAVING count(*) > 1
""")

_TOLD = text("""
SELECT told.payload
FROM unnest(CAST(:subscriptions AS text[]), CAST(:seconds AS timestamptz[]))
    AS wanted(subscription, second),
LATERAL (
    SELECT payload FROM evergreen.inbox
    WHERE object_id = wanted.subscription AND created <= wanted.second AND state = 'done'
    ORDER BY created DESC, seq DESC LIMIT :depth
) AS told
""")

_MARK = text("""
UPDATE evergreen.subscription_history AS h
SET last_in_second = (h.event_id = mark.last), provisional = mark.provisional
FROM jsonb_to_recordset(CAST(:marks AS jsonb)) AS mark(
    account text, subscription text, state_at timestamptz, last text, provisional boolean
)
WHERE (h.account, h.subscription, h.state_at) = (mark.account, mark.subscription, mark.state_at)
""")


@dataclass(frozen=True, slots=True)
class Shared:
    """A second that several states of a subscription share."""

    account: str
    subscription: str
    state_at: datetime
    event_ids: frozenset[str]

    @property
    def of(self) -> tuple[str, str]:
        """Return whose second it is."""
        return self.account, self.subscription


def settle(conn: Connection, events: Sequence[Event]) -> None:
    """Mark which states stood at the end of the seconds that `events`, written before, share.

    A reading never outdoes an event: it may have come before or after.
    """
    shared = _shared(conn, events)
    if not shared:
        return
    told = _by_subscription([event for event in events if not event.is_reading])
    open_ones = [each for each in shared if not _all_told(each, told[each.of])]
    for event in _read_back(conn, open_ones):
        told[event.account, event.object_id or ""].append(event)
    marks = [_mark(each, told[each.of]) for each in shared]
    conn.execute(_MARK, {"marks": orjson.dumps(marks).decode()})


def _shared(conn: Connection, events: Sequence[Event]) -> list[Shared]:
    seconds = {(event.account, event.object_id, event.created) for event in events}
    accounts, subscriptions, instants = map(list, zip(*sorted(seconds), strict=True))
    asked = {"accounts": accounts, "subscriptions": subscriptions, "seconds": instants}
    return [
        Shared(row[0], row[1], row[2], frozenset(row[3])) for row in conn.execute(_SHARED, asked)
    ]


def _by_subscription(events: Sequence[Event]) -> dict[tuple[str, str], list[Event]]:
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        found[event.account, event.object_id or ""].append(event)
    return found


def _all_told(shared: Shared, told: Sequence[Event]) -> bool:
    """Tell whether the batch alone decides: it has the whole second, and no older one matters."""
    if {event.id for event in _inside(shared, told)} != shared.event_ids:
        return False
    return not newest(_until(shared, told)).provisional


def _mark(shared: Shared, told: Sequence[Event]) -> Mapping[str, object]:
    inside = _inside(shared, told)
    # A payload that is no longer kept cannot tell; then the choice is fixed, that is all.
    choice = newest(_until(shared, told)) if inside else None
    return {
        "account": shared.account,
        "subscription": shared.subscription,
        "state_at": shared.state_at,
        "last": choice.event.id if choice else max(shared.event_ids),
        "provisional": choice is not None and choice.provisional,
    }


def _inside(shared: Shared, told: Sequence[Event]) -> list[Event]:
    """Return the events of the second that the history knows."""
    return [e for e in told if e.created == shared.state_at and e.id in shared.event_ids]


def _until(shared: Shared, told: Sequence[Event]) -> list[Event]:
    return [*(e for e in told if e.created < shared.state_at), *_inside(shared, told)]


def _read_back(conn: Connection, shared: Sequence[Shared]) -> list[Event]:
    if not shared:
        return []
    asked = {
        "subscriptions": [each.subscription for each in shared],
        "seconds": [each.state_at for each in shared],
        "depth": _DEPTH,
    }
    told = (usable(bytes(row.payload)) for row in conn.execute(_TOLD, asked))
    return [event for event in told if event and is_subscription(event)]
