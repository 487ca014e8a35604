"""What decides over access, read from the mirror for many customers at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from sync.access.standing import Bill, Facts, Subscription
from sync.mirror.facts import pause_cause, paused_at

# Account and customer.
Key = tuple[str, str]

_ASKED = "unnest(:accounts, :customers) AS asked (account, customer)"
_SUBSCRIPTIONS = f"""
SELECT s.account, s.customer, s.id, s.status, s.livemode, s.as_of, s.created, s.start_date,
       s.ended_at, s.cancellation_reason, run.since, other.status AS before,
       CASE WHEN s.status = 'paused' THEN s.data END AS data,
       (SELECT i.paid_at FROM stripe.invoices i
        WHERE i.id = s.latest_invoice AND i.account = s.account
          AND i.status = 'paid' AND s.status = 'canceled') AS settled_at
FROM {_ASKED}
JOIN stripe.subscriptions s USING (account, customer)
LEFT JOIN LATERAL (
    SELECT o.status, o.state_at
    FROM evergreen.subscription_history o
    WHERE o.subscription = s.id AND o.account = s.account AND o.last_in_second
      AND replace(o.status, 'trialing', 'active') <> replace(s.status, 'trialing', 'active')
    ORDER BY o.state_at DESC
    LIMIT 1
) other ON true
LEFT JOIN LATERAL (
    SELECT min(h.state_at) AS since
    FROM evergreen.subscription_history h
    WHERE h.subscription = s.id AND h.account = s.account AND h.last_in_second
      AND h.state_at > coalesce(other.state_at, '-infinity')
) run ON true
WHERE s.deleted_at IS NULL
ORDER BY s.created, s.id
"""  # noqa: S608 — made of constants
_BILLS = f"""
SELECT i.account, i.customer, i.id, i.subscription, i.collection_method, i.created,
       i.finalized_at, i.due_date, i.attempted, i.attempt_count, i.next_payment_attempt,
       i.hosted_invoice_url
FROM {_ASKED}
JOIN stripe.invoices i USING (account, customer)
WHERE i.status = 'open' AND i.deleted_at IS NULL AND i.subscription IS NOT NULL
  AND coalesce(i.amount_remaining_minor, i.amount_due_minor, 1) > 0
ORDER BY coalesce(i.finalized_at, i.created), i.id
"""  # noqa: S608 — made of constants
_CUSTOMERS = f"""
SELECT c.account, c.id AS customer, c.livemode, c.created, c.deleted_at
FROM {_ASKED}
JOIN stripe.customers c ON c.account = asked.account AND c.id = asked.customer
"""  # noqa: S608 — made of constants
_NAMED = f"""
SELECT i.account, i.customer, bool_or(i.livemode) AS livemode
FROM {_ASKED}
JOIN stripe.invoices i USING (account, customer)
GROUP BY 1, 2
"""  # noqa: S608 — made of constants


def load(conn: Connection, keys: Iterable[Key]) -> dict[Key, Facts]:
    """Return the facts of those customers of whom the mirror knows anything.

    Nothing in them depends on the order in which events came.
    """
    asked = sorted(set(keys))
    if not asked:
        return {}
    customers = {_key(row): row for row in _rows(conn, _CUSTOMERS, asked)}
    subscriptions = _grouped(_rows(conn, _SUBSCRIPTIONS, asked))
    bills = _grouped(_rows(conn, _BILLS, asked))
    strangers = [key for key in asked if key not in customers and key not in subscriptions]
    named = {_key(row): row for row in _rows(conn, _NAMED, strangers)} if strangers else {}
    found: dict[Key, Facts] = {}
    for key in asked:
        rows = subscriptions.get(key, [])
        known = customers.get(key) or named.get(key) or next(iter(rows), None)
        if known is not None:
            found[key] = _facts(key, known, rows, bills.get(key, []))
    return found


def _rows(conn: Connection, query: str, keys: Sequence[Key]) -> list[Mapping[str, Any]]:
    accounts, customers = zip(*keys, strict=True)
    bound = text(query).bindparams(
        bindparam("accounts", list(accounts), ARRAY(Text)),
        bindparam("customers", list(customers), ARRAY(Text)),
    )
    return [dict(row) for row in conn.execute(bound).mappings()]


def _grouped(rows: Iterable[Mapping[str, Any]]) -> Mapping[Key, list[Mapping[str, Any]]]:
    found: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[_key(row)].append(row)
    return found


def _key(row: Mapping[str, Any]) -> Key:
    return (row["account"], row["customer"])


def _facts(
    key: Key,
    known: Mapping[str, Any],
    subscriptions: Sequence[Mapping[str, Any]],
    bills: Sequence[Mapping[str, Any]],
) -> Facts:
    account, customer_id = key
    return Facts(
        account=account,
        customer_id=customer_id,
        livemode=bool(known["livemode"]),
        created=known.get("created"),
        deleted_at=known.get("deleted_at"),
        subscriptions=tuple(map(_subscription, subscriptions)),
        bills=tuple(map(_bill, bills)),
    )


def _subscription(row: Mapping[str, Any]) -> Subscription:
    status = row["status"] or ""
    paused = row["data"] or {}
    told = row["ended_at"] if status == "canceled" else paused_at(paused)
    return Subscription(
        id=row["id"],
        status=status,
        since=told or row["since"] or _first_seen(row),
        before=row["before"],
        pause_cause=pause_cause(paused),
        cancellation_reason=row["cancellation_reason"],
        settled_at=row["settled_at"],
    )


def _first_seen(row: Mapping[str, Any]) -> Any:
    """Return the best guess where no history reaches back to the change."""
    began = row["start_date"] or row["created"]
    return began or row["as_of"] if row["status"] in {"active", "trialing"} else row["as_of"]


def _bill(row: Mapping[str, Any]) -> Bill:
    finalized_at = row["finalized_at"] or row["created"]
    is_sent = row["collection_method"] == "send_invoice"
    return Bill(
        id=row["id"],
        subscription=row["subscription"],
        is_sent=is_sent,
        asked_at=(row["due_date"] if is_sent else None) or finalized_at,
        attempted=bool(row["attempted"]) or bool(row["attempt_count"]),
        next_attempt=row["next_payment_attempt"],
        pay_url=row["hosted_invoice_url"],
    )
