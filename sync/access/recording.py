"""Where customers stand, kept and told: after changes of the mirror, and when time passes.

Whatever brings somebody here, the state is decided anew from all that the mirror knows, under
a lock of the customer's: so neither the order of events nor two workers side by side matter.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Integer, Text, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from sync.access import facts
from sync.access.facts import Key
from sync.access.standing import Access, AccessPolicy, Facts, decide
from sync.access.tables import ACCESS, HISTORY
from sync.changes import Change, Effect
from sync.mirror.events import Event
from sync.mirror.shapes import (
    Json,
    collection_method,
    customer_of,
    invoice_is_paid,
    ref,
    subscription_of_invoice,
)

# At one look; the rest follows with the next one.
MOST_AT_ONCE = 1_000
_BUCKETS = 256  # of locks: a server has few, and a look may be at many customers
_LOCK = text("""
SELECT pg_advisory_xact_lock(hashtext('evergreen.access'), bucket)
FROM (SELECT bucket FROM unnest(:buckets) AS asked (bucket) ORDER BY bucket) AS in_order
""").bindparams(bindparam("buckets", type_=ARRAY(Integer)))
_PLAIN = AccessPolicy()
_SERVED = frozenset({"active", "trialing"})
# Whose end, for want of payment, was settled by one of these invoices.
_SETTLED = text("""
SELECT s.account, s.customer, paid.event_id
FROM unnest(:accounts, :subscriptions, :invoices, :events)
    AS paid (account, subscription, invoice, event_id)
JOIN stripe.subscriptions s ON s.id = paid.subscription AND s.account = paid.account
WHERE s.status = 'canceled' AND s.latest_invoice = paid.invoice AND s.customer IS NOT NULL
""").bindparams(
    *(bindparam(n, type_=ARRAY(Text)) for n in ("accounts", "subscriptions", "invoices", "events"))
)


def follow(
    conn: Connection,
    changes: Sequence[Change],
    now: datetime,
    policy: AccessPolicy = _PLAIN,
    *,
    events: Sequence[Event] = (),
) -> list[Effect]:
    """Note what `changes` of the mirror mean for access; return what a receiver must be told.

    In the transaction that changed the mirror and its history, after both, and before other
    effects are recorded. `now` is business time. `events` are those of the batch: a late one
    changes nothing in the mirror, but it may tell since when a state has been.
    """
    told = {change.event_id for change in changes}
    late = [each for each in events if each.object_type == "subscription" and each.id not in told]
    causes: dict[Key, str | None] = {
        (change.account, customer_id): change.event_id
        for change in changes
        for customer_id in _whose(change)
    }
    causes |= _settled(conn, changes)
    for event in late:
        if customer_id := customer_of(event.object):
            causes.setdefault((event.account, customer_id), event.id)
    return _look(conn, causes, now, policy) if causes else []


def scan(conn: Connection, now: datetime, policy: AccessPolicy = _PLAIN) -> list[Effect]:
    """Note whose access time has changed by `now`; return what a receiver must be told.

    A missed look is caught up by the next, each change dated when it came to be.
    """
    column = ACCESS.c
    due = select(column.account, column.customer_id).where(column.look_at <= now)
    keys = conn.execute(due.order_by(column.look_at).limit(MOST_AT_ONCE))
    causes: dict[Key, str | None] = {(row[0], row[1]): None for row in keys}
    return _look(conn, causes, now, policy) if causes else []


def note(
    conn: Connection, keys: Sequence[Key], now: datetime, policy: AccessPolicy = _PLAIN
) -> list[Effect]:
    """Note where customers stand, whatever was noted before; return a request to tell of each.

    For a new receiver, other limits, or customers mirrored before access was looked at.
    """
    _look(conn, dict.fromkeys(keys), now, policy)
    return [effect_of(known, now) for known in facts.load(conn, keys).values()]


def _whose(change: Change) -> set[str]:
    """Return whose access a change may touch: most changes of what is served touch nobody's."""
    before = change.before or {}
    was, is_ = before.get("status"), change.after.get("status")
    relevant = {
        "customer": change.deleted,
        "subscription": not (was == is_ and is_ in _SERVED),
        "invoice": _is_asked_for(before) or _is_asked_for(change.after),
    }
    both = (change.customer_id, ref(before.get("customer")))
    return {each for each in both if each} if relevant.get(change.object) else set()


def _is_asked_for(invoice: Json) -> bool:
    """Tell of a subscription's invoice that may be late: see `standing.Bill`."""
    if invoice.get("status") != "open" or not subscription_of_invoice(invoice):
        return False
    tried = invoice.get("attempted") or invoice.get("attempt_count")
    return bool(tried) or collection_method(invoice) == "send_invoice"


def _settled(conn: Connection, changes: Sequence[Change]) -> dict[Key, str | None]:
    """Return the customers whose subscription had ended before its last invoice was paid."""
    paid = [
        (change.account, subscription, change.id, change.event_id)
        for change in changes
        if change.object == "invoice"
        and invoice_is_paid(change.after)
        and not invoice_is_paid(change.before or {})
        and (subscription := subscription_of_invoice(change.after))
    ]
    if not paid:
        return {}
    names = ("accounts", "subscriptions", "invoices", "events")
    asked = dict(zip(names, map(list, zip(*paid, strict=True)), strict=True))
    return {(row[0], row[1]): row[2] for row in conn.execute(_SETTLED, asked)}


def _look(
    conn: Connection, causes: Mapping[Key, str | None], now: datetime, policy: AccessPolicy
) -> list[Effect]:
    _hold(conn, causes)
    told = _told(conn, causes)
    known = facts.load(conn, causes)
    standing = {key: decide(each, now, policy) for key, each in known.items()}
    moved = {key: new for key, new in standing.items() if _differs(told.get(key), new)}
    if moved:
        _note(conn, moved, told, known, causes)
    news = [key for key, new in moved.items() if policy.tells and _is_news(told.get(key), new)]
    return [effect_of(known[key], now, causes[key]) for key in news]


def _hold(conn: Connection, keys: Mapping[Key, str | None]) -> None:
    """Wait until nobody else decides over the same customers; until this transaction ends."""
    conn.execute(_LOCK, {"buckets": sorted({_bucket(key) for key in keys})})


def _bucket(key: Key) -> int:
    return crc32("\n".join(key).encode()) % _BUCKETS


def _told(conn: Connection, keys: Mapping[Key, str | None]) -> dict[Key, Mapping[str, Any]]:
    asked = text("unnest(:accounts, :customers) AS asked (account, customer_id)").bindparams(
        bindparam("accounts", [key[0] for key in keys], ARRAY(ACCESS.c.account.type)),
        bindparam("customers", [key[1] for key in keys], ARRAY(ACCESS.c.account.type)),
    )
    same = text("asked.account = access.account AND asked.customer_id = access.customer_id")
    rows = conn.execute(select(ACCESS).select_from(ACCESS, asked).where(same)).mappings()
    return {(row["account"], row["customer_id"]): dict(row) for row in rows}


_SHOWN = ("state", "since", "until", "reason", "look_at")


def _differs(told: Mapping[str, Any] | None, new: Access) -> bool:
    """Tell whether there is anything to keep; of one who never had access there is not."""
    if told is None:
        return new.state != "none"
    return any(told[name] != getattr(new, name) for name in _SHOWN)


def _is_news(told: Mapping[str, Any] | None, new: Access) -> bool:
    return told is None or any(told[name] != getattr(new, name) for name in _SHOWN[:-1])


def _note(
    conn: Connection,
    moved: Mapping[Key, Access],
    told: Mapping[Key, Mapping[str, Any]],
    known: Mapping[Key, Facts],
    causes: Mapping[Key, str | None],
) -> None:
    rows = [
        {**_row(key, new), **_times(new), "livemode": known[key].livemode}
        for key, new in sorted(moved.items())
    ]
    conn.execute(_KEEP, rows)
    steps = [
        {**_row(key, new), "event_id": causes[key]}
        for key, new in sorted(moved.items())
        if key not in told or told[key]["state"] != new.state
    ]
    if steps:
        conn.execute(insert(HISTORY), steps)
    earlier = [
        _row(key, new) for key, new in sorted(moved.items()) if _began_earlier(told, key, new)
    ]
    if earlier:
        conn.execute(_CORRECT, earlier)


def _began_earlier(told: Mapping[Key, Mapping[str, Any]], key: Key, new: Access) -> bool:
    """Tell whether an event that came late shows the newest step to be older than noted."""
    noted = told.get(key)
    since = noted and noted["state"] == new.state and noted["since"]
    return bool(since and new.since and new.since < since)


def _row(key: Key, new: Access) -> dict[str, Any]:
    account, customer_id = key
    whose = {"account": account, "customer_id": customer_id}
    return {**whose, "state": new.state, "since": new.since, "reason": new.reason}


def _times(new: Access) -> dict[str, Any]:
    return {"until": new.until, "look_at": new.look_at}


_NEW = upsert(ACCESS)
_KEEP = _NEW.on_conflict_do_update(
    index_elements=[ACCESS.c.account, ACCESS.c.customer_id],
    set_={name: _NEW.excluded[name] for name in (*_SHOWN, "livemode")},
)


_CORRECT = text("""
UPDATE evergreen.access_history SET since = :since
WHERE since > :since AND id = (
    SELECT max(id) FROM evergreen.access_history
    WHERE account = :account AND customer_id = :customer_id
)
""")


def effect_of(known: Facts, now: datetime, event_id: str | None = None) -> Effect:
    """Return the request to tell the receiver where this customer stands by then."""
    return Effect(
        key=f"access:{known.account}:{known.customer_id}",
        channel="access",
        kind="access",
        due_at=now,
        customer_id=known.customer_id,
        subject={"customer": known.customer_id},
        account=known.account,
        livemode=known.livemode,
        shape="state",
        event_id=event_id,
    )
