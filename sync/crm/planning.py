"""Whose CRM records a batch of changes touches."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sync.changes import DEBOUNCE_S, Change, Effect
from sync.crm.refusals import TOLD_BY
from sync.history.rederiving import tells
from sync.mirror.events import Event
from sync.mirror.shapes import customer_of

SNAPSHOT, SPREAD = "snapshot", "spread"
# What a snapshot is made of, and names its customer itself.
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
# What names its customer through others, or is shown in the snapshots of many: whose they are
# is looked up when the effect is delivered, in slices, and never in the batch's transaction.
# A refund names its customer itself only since 2026-09-30.endive.
TIED = frozenset({"dispute", "invoice_payment", "refund", "discount"})
SHARED = frozenset({"coupon", "price", "product"})
# The local record is written at once: nobody pays for the call.
_DEBOUNCE_S: Mapping[str, float] = {"local": 0.0}


def plan(
    changes: Sequence[Change],
    now: datetime,
    sinks: Sequence[str],
    *,
    events: Sequence[Event] = (),
) -> list[Effect]:
    """Return one `state` effect per sink and customer that `changes` touch, due at once.

    Many changes of one customer become one delivery of what is true by then. `events` are
    those of the batch: a late one changes nothing in the mirror, but it may tell since when
    something has been so, or that an attempt failed.
    """
    told = {change.event_id for change in changes}
    late = [each for each in events if _tells_late(each) and each.id not in told]
    effects = [effect for change in changes for effect in _follows(change, now, sinks)]
    for event in late:
        if customer_id := customer_of(event.object):
            effects += told_of(
                event.account,
                customer_id,
                now,
                sinks,
                livemode=event.livemode,
                event_id=event.id,
            )
    return list({effect.key: effect for effect in effects}.values())


def _tells_late(event: Event) -> bool:
    return event.object_type == "subscription" or event.type == TOLD_BY


def _follows(change: Change, now: datetime, sinks: Sequence[str]) -> Iterator[Effect]:
    theirs = sorted(_customers(change)) if change.object in _SHOWN else []
    for customer_id in theirs:
        yield from told_of(
            change.account,
            customer_id,
            now,
            sinks,
            livemode=change.livemode,
            event_id=change.event_id,
        )
    tied = change.object in TIED and not theirs
    if sinks and (tied or _shows_elsewhere(change)):
        yield _spread(change, now)


def _customers(change: Change) -> set[str]:
    """Return whom a change is about: a detached card names its former owner only before it."""
    before = customer_of(change.before) if change.before else None
    return {each for each in (change.customer_id, before) if each}


def _shows_elsewhere(change: Change) -> bool:
    """Tell whether the snapshots of those who bought it may change: its name or its amounts."""
    if change.object == "product":
        before = change.before or {}
        return change.deleted or before.get("name") != change.after.get("name")
    return change.object in SHARED and tells(change)


def told_of(
    account: str,
    customer_id: str,
    now: datetime,
    sinks: Sequence[str],
    *,
    livemode: bool,
    event_id: str | None = None,
) -> list[Effect]:
    """Return the requests to tell each of `sinks` what is true of a customer by then."""
    return [
        Effect(
            key=f"crm:{sink}:{account}:{customer_id}",
            channel="crm",
            kind=SNAPSHOT,
            due_at=now,
            customer_id=customer_id,
            subject={"sink": sink, "customer": customer_id},
            account=account,
            livemode=livemode,
            shape="state",
            event_id=event_id,
            debounce_s=_DEBOUNCE_S.get(sink, DEBOUNCE_S),
        )
        for sink in sinks
    ]


def _spread(change: Change, now: datetime) -> Effect:
    return Effect(
        key=f"crm:{SPREAD}:{change.account}:{change.object}:{change.id}",
        channel="crm",
        kind=SPREAD,
        due_at=now,
        subject={change.object: change.id},
        account=change.account,
        livemode=change.livemode,
        shape="state",
        event_id=change.event_id,
    )
