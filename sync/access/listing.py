"""Everybody in one state, as the mirror has it now."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from sync.access import facts
from sync.access.facts import Key
from sync.access.standing import Access, AccessPolicy, State, decide

_CHUNK = 500
_LATE = """
SELECT account, customer FROM stripe.subscriptions WHERE status = 'past_due'
UNION SELECT account, customer FROM stripe.invoices WHERE status = 'open'
"""
_STOPPED = """
SELECT account, customer FROM stripe.subscriptions
WHERE status IN ('unpaid', 'paused')
   OR (status = 'canceled' AND cancellation_reason = 'payment_failed')
"""
_SUBSCRIBED = "SELECT account, customer FROM stripe.subscriptions WHERE status <> 'canceled'"
_ANYBODY = """
SELECT account, id AS customer FROM stripe.customers
UNION SELECT account, customer FROM stripe.subscriptions
"""
# Who may be in a state: never too few, and as few more as is easy.
_MAY_BE: Mapping[State, str] = {
    "none": _ANYBODY,
    "ok": _SUBSCRIBED,
    "grace": _LATE,
    "restricted": _LATE,
    "suspended": f"{_STOPPED} UNION {_LATE}",
}


def in_state(
    conn: Connection, state: State, now: datetime, policy: AccessPolicy
) -> Iterator[tuple[Key, Access]]:
    """Yield who is in `state`, by account and id; reads on as far as the caller does."""
    query = text(f"""
        SELECT account, customer FROM ({_MAY_BE[state]}) AS may_be
        WHERE (account, customer) > (:account, :customer)
        GROUP BY 1, 2 ORDER BY 1, 2 LIMIT {_CHUNK}
    """)  # noqa: S608 — made of constants
    last: Key = ("", "")
    while keys := [
        (row.account, row.customer)
        for row in conn.execute(query, {"account": last[0], "customer": last[1]})
    ]:
        for key, known in facts.load(conn, keys).items():
            if (access := decide(known, now, policy)).state == state:
                yield key, access
        last = keys[-1]
