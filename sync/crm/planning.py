"""Whose CRM records a batch of changes touches."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sync.changes import Change, Effect
from sync.mirror.shapes import customer_of

# What a snapshot is made of; other objects of a customer do not show in it.
_SHOWN = frozenset(
    {
        "charge",
        "credit_note",
        "customer",
        "discount",
        "invoice",
        "payment_method",
        "refund",
        "subscription",
    },
)


def plan(changes: Sequence[Change], now: datetime, sinks: Sequence[str]) -> list[Effect]:
    """Return one `state` effect per sink and customer that `changes` touch, due at once.

    Many changes of one customer become one delivery of what is true by then.
    """
    effects = {
        effect.key: effect
        for change in changes
        if change.object in _SHOWN
        for customer_id in _customers(change)
        for sink in sinks
        if (effect := _effect(change, customer_id, sink, now))
    }
    return list(effects.values())


def _customers(change: Change) -> Iterator[str]:
    """Yield whom a change is about: a detached card names its former owner only before it."""
    before = customer_of(change.before) if change.before else None
    yield from sorted({each for each in (change.customer_id, before) if each})


def _effect(change: Change, customer_id: str, sink: str, now: datetime) -> Effect:
    return Effect(
        key=f"crm:{sink}:{change.account}:{customer_id}",
        channel="crm",
        kind="snapshot",
        due_at=now,
        customer_id=customer_id,
        subject={"sink": sink, "customer": customer_id},
        account=change.account,
        livemode=change.livemode,
        shape="state",
        event_id=change.event_id,
    )
