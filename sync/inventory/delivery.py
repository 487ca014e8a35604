"""The inventory's side of an effect: which invoices it means, and each brought in line."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from sync.changes import Done, Effect, Outcome
from sync.inventory.converge import converge
from sync.inventory.lines import Job, waiting_for
from sync.inventory.planning import invoice_effect
from sync.mirror.payments import invoices_paid_by
from sync.store import outbox

# How a parent is called in the effect's subject, and in the lines that wait for it.
_PARENTS = ("price", "product", "subscription")


def deliver(
    engine: Engine,
    claimed: outbox.Claimed,
    now: datetime,
    *,
    lookup_keys: bool = False,
    reserve_open: bool = False,
) -> Outcome:
    """Converge what `claimed` means; `now` is business time.

    A payment whose invoice is not known yet is done: the tie, when it comes, asks again. It
    never ends as skipped or failed, since then a request that came meanwhile would be lost.
    """
    effect = claimed.effect
    job = Job(
        account=effect.account,
        invoice="",
        now=now,
        event_id=effect.event_id,
        lookup_keys=lookup_keys,
        reserve_open=reserve_open,
    )
    for invoice in _invoices(engine, effect, now):
        converge_invoice(engine, replace(job, invoice=invoice))
    return Done()


def converge_invoice(engine: Engine, job: Job) -> None:
    """Converge one invoice in one transaction, and once more when a line began to wait.

    A price that was committed between the first reading and its commit found nobody waiting;
    the second reading sees it.
    """
    with engine.begin() as conn:
        waits = converge(conn, job)
    if waits:
        with engine.begin() as conn:
            converge(conn, job)


def _invoices(engine: Engine, effect: Effect, now: datetime) -> list[str]:
    """Return the invoices to converge at once; those that wait for a parent get their own turn."""
    (kind, object_id), *_ = effect.subject.items()
    if kind == "invoice":
        return [object_id]
    with engine.begin() as conn:
        if kind not in _PARENTS:
            return invoices_paid_by(conn, effect.account, object_id)
        waiting = waiting_for(conn, effect.account, {kind: object_id})
        outbox.add(conn, [_woken(effect, invoice, now) for invoice in waiting])
        return []


def _woken(effect: Effect, invoice: str, now: datetime) -> Effect:
    return invoice_effect(
        effect.account, invoice, now, livemode=effect.livemode, event_id=effect.event_id
    )
