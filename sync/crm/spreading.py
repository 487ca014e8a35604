"""Whose snapshots show an object that names no customer, or that many have bought."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, text

from sync.changes import Effect
from sync.crm.planning import told_of
from sync.store import outbox

# One transaction's worth: a product that everybody has must not hold the outbox for long.
SLICE = 1_000
# One effect's worth: some seconds, with several vendors.
MOST_SLICES = 10
_AFTER = "after"
_PAID_BY = """
SELECT charge.customer, charge.livemode
  FROM stripe.charges AS charge JOIN stripe.{table} AS told
    ON charge.account = told.account
   AND (charge.id = told.charge OR charge.payment_intent = told.payment_intent)
 WHERE told.id = :id AND told.account = :account"""
_BY_HISTORY = """
SELECT state.customer, state.livemode FROM evergreen.subscription_history AS state
 WHERE state.depends_on <> '{}' AND state.depends_on && ARRAY[:id] AND state.account = :account"""
# Object -> the customers of one.
_WHOSE: Mapping[str, str] = {
    "refund": _PAID_BY.format(table="refunds"),
    "dispute": _PAID_BY.format(table="disputes"),
    "invoice_payment": """
SELECT bill.customer, bill.livemode
  FROM stripe.invoices AS bill JOIN stripe.invoice_payments AS told
    ON bill.account = told.account AND bill.id = told.invoice
 WHERE told.id = :id AND told.account = :account""",
    "discount": """
SELECT sub.customer, sub.livemode
  FROM stripe.subscriptions AS sub JOIN stripe.discounts AS told
    ON sub.account = told.account AND sub.id = told.subscription
 WHERE told.id = :id AND told.account = :account""",
    "product": """
SELECT sub.customer, sub.livemode
  FROM stripe.subscription_items AS item JOIN stripe.subscriptions AS sub
    ON sub.account = item.account AND sub.id = item.subscription
 WHERE item.product = :id AND item.account = :account""",
    "coupon": _BY_HISTORY,
    "price": _BY_HISTORY,
}
_NEXT = """
SELECT customer, bool_or(livemode) AS livemode FROM ({whose}) AS found
 WHERE customer > :after GROUP BY customer ORDER BY customer LIMIT :most"""


def spread(engine: Engine, effect: Effect, now: datetime, sinks: Sequence[str]) -> int:
    """Ask for the snapshots of all whom `effect` is about; return how many customers it asked.

    Slice by slice, each committed: what was interrupted is simply asked for again. So many
    slices are one effect's, lest its lease run out; the rest is another effect's.
    """
    after, asked = effect.subject.get(_AFTER, ""), 0
    for _ in range(MOST_SLICES):
        customers = _slice(engine, effect, after)
        told = [each for row in customers for each in _told(effect, row, now, sinks)]
        with engine.begin() as conn:
            outbox.add(conn, told)
        asked += len(customers)
        if len(customers) < SLICE:
            return asked
        after = customers[-1].customer
    with engine.begin() as conn:
        outbox.add(conn, [_rest(effect, after, now)])
    return asked


def _slice(engine: Engine, effect: Effect, after: str) -> Sequence[Row[Any]]:
    kind, object_id = next(each for each in effect.subject.items() if each[0] != _AFTER)
    asked = {"id": object_id, "account": effect.account, "after": after, "most": SLICE}
    with engine.connect() as conn:
        return conn.execute(text(_NEXT.format(whose=_WHOSE[kind])), asked).all()


def _told(effect: Effect, row: Row[Any], now: datetime, sinks: Sequence[str]) -> list[Effect]:
    return told_of(
        effect.account,
        row.customer,
        now,
        sinks,
        livemode=row.livemode,
        event_id=effect.event_id,
    )


def _rest(effect: Effect, after: str, now: datetime) -> Effect:
    begun = effect.key.partition(f":{_AFTER}:")[0]
    subject = {**effect.subject, _AFTER: after}
    return replace(effect, key=f"{begun}:{_AFTER}:{after}", subject=subject, due_at=now)
