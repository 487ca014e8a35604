"""Discounts, coupons and prices that came after the states that rest on them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from sync.changes import Change
from sync.history import known
from sync.history.deriving import derive
from sync.history.known import is_of_customer
from sync.history.recording import hold
from sync.history.states import State, restored
from sync.history.writing import rewrite
from sync.mirror.shapes import ref

_AT_ONCE = 500
# What of them an amount can rest on. What a snapshot leaves out (tiers are shown on request
# only) it does not take back.
_TELLING: Mapping[str, tuple[str, ...]] = {
    "discount": ("coupon", "source", "start", "end", "customer", "subscription"),
    "coupon": (
        "percent_off",
        "amount_off",
        "currency",
        "duration",
        "applies_to",
        "currency_options",
    ),
    "price": ("tiers", "currency_options"),
}

_TOUCHED = text("""
SELECT account, event_id, subscription
FROM evergreen.subscription_history
WHERE effective_at = state_at
  AND (
    depends_on <> '{}' AND depends_on && CAST(:ids AS text[])
    OR customer = ANY(CAST(:customers AS text[])) AND mrr_list_micro_minor <> 0
  )
ORDER BY account, event_id, subscription
""")

_OF_STATES = """
SELECT h.* FROM evergreen.{table} h
JOIN unnest(CAST(:accounts AS text[]), CAST(:events AS text[]), CAST(:subscriptions AS text[]))
    AS wanted(account, event_id, subscription) USING (account, event_id, subscription)
JOIN evergreen.subscription_history s USING (account, event_id, subscription)
WHERE s.effective_at = s.state_at AND h.effective_at = s.state_at
"""
_HISTORY = text(_OF_STATES.format(table="subscription_history"))
_ITEMS = text(_OF_STATES.format(table="subscription_history_items"))

_Key = tuple[str, str, str]


def rederive(conn: Connection, changes: Sequence[Change]) -> None:
    """Tell the amounts again of all states that rest on what `changes` brought."""
    telling = [change for change in changes if tells(change)]
    if not telling:
        return
    hold(conn, alone=True)
    touched = _touched(conn, telling)
    for start in range(0, len(touched), _AT_ONCE):
        states = list(_load(conn, touched[start : start + _AT_ONCE]))
        found = known.load(conn, states)
        rewrite(conn, [derive(state, found) for state in states])


def tells(change: Change) -> bool:
    """Tell whether a change may change an amount."""
    names = _TELLING.get(change.object)
    if names is None:
        return False
    before, after = change.before, change.after
    if before is None or change.deleted:
        return True
    return any(after[name] != before.get(name) for name in names if name in after)


def _touched(conn: Connection, telling: Sequence[Change]) -> list[_Key]:
    discounts = [change.after for change in telling if change.object == "discount"]
    customers = {ref(shown.get("customer")) for shown in discounts if is_of_customer(shown)}
    ids = sorted({change.id for change in telling})
    asked = {"ids": ids, "customers": sorted(filter(None, customers))}
    return [(row[0], row[1], row[2]) for row in conn.execute(_TOUCHED, asked)]


def _load(conn: Connection, keys: Sequence[_Key]) -> Iterator[State]:
    accounts, events, subscriptions = map(list, zip(*keys, strict=True))
    asked = {"accounts": accounts, "events": events, "subscriptions": subscriptions}
    items: dict[_Key, list[Mapping[str, Any]]] = defaultdict(list)
    for item in conn.execute(_ITEMS, asked).mappings():
        items[item["account"], item["event_id"], item["subscription"]].append(dict(item))
    for row in conn.execute(_HISTORY, asked).mappings():
        yield restored(dict(row), items[row["account"], row["event_id"], row["subscription"]])
