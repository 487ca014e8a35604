"""Campaigns in the database, and back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from notifications.dunning.bills import Bill
from notifications.dunning.campaign import Campaign, Step
from notifications.dunning.messages import Whom
from notifications.dunning.segments import Standing
from notifications.dunning.tables import CAMPAIGN, INVOICE, STEP


def load(conn: Connection, rows: Sequence[Row[Any]]) -> list[Campaign]:
    """Return the campaigns of `rows` with their steps and invoices."""
    ids = [row.id for row in rows]
    steps = conn.execute(select(STEP).where(STEP.c.campaign.in_(ids)).order_by(STEP.c.number))
    bills = conn.execute(
        select(INVOICE)
        .where(INVOICE.c.campaign.in_(ids))
        .order_by(INVOICE.c.failed_at, INVOICE.c.invoice)
    )
    steps_of = _grouped(steps.all())
    bills_of = _grouped(bills.all())
    return [_campaign(row, steps_of.get(row.id, ()), bills_of.get(row.id, ())) for row in rows]


def number(conn: Connection, whom: Whom, draft: Campaign, now: datetime) -> int:
    """Give `draft` its row; return the campaign's number."""
    values = {**_values(draft, now), "account": whom.account, "livemode": whom.livemode}
    new = insert(CAMPAIGN).values({**values, "customer_id": whom.customer_id})
    return int(conn.execute(new.returning(CAMPAIGN.c.id)).scalar_one())


def save(conn: Connection, account: str, campaign: Campaign, now: datetime) -> None:
    """Write down how a campaign stands."""
    mine = CAMPAIGN.c.id == campaign.id
    conn.execute(update(CAMPAIGN).where(mine).values(_values(campaign, now)))
    conn.execute(delete(STEP).where(STEP.c.campaign == campaign.id))
    if campaign.steps:
        conn.execute(insert(STEP), [_step(campaign.id, step) for step in campaign.steps])
    if campaign.bills:
        new = upsert(INVOICE)
        changing = ("recovered_minor", "outcome", "ended_at")
        kept = new.on_conflict_do_update(
            index_elements=["account", "invoice"],
            set_={name: new.excluded[name] for name in changing},
        )
        conn.execute(kept, [_bill(account, campaign.id, bill) for bill in campaign.bills])


def _grouped(rows: Sequence[Row[Any]]) -> Mapping[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.campaign, []).append(row)
    return found


def _campaign(row: Row[Any], steps: Sequence[Row[Any]], bills: Sequence[Row[Any]]) -> Campaign:
    return Campaign(
        id=row.id,
        opened_at=row.opened_at,
        anchor_at=row.anchor_at,
        window=timedelta(seconds=row.window_s),
        segment=row.segment,
        code=row.code,
        asked_at=row.asked_at,
        version=row.version,
        standing=Standing(
            paid_invoices=row.paid_invoices,
            recoveries=row.recoveries,
            failing_cycles=row.failing_cycles,
            valuable=row.valuable,
        ),
        first_step=row.first_step,
        outcome=row.outcome,
        closed_at=row.closed_at,
        steps=tuple(
            Step(number=step.number, kind=step.kind, due_at=step.due_at, expires_at=step.expires_at)
            for step in steps
        ),
        bills=tuple(_kept(bill) for bill in bills),
    )


def _kept(row: Row[Any]) -> Bill:
    return Bill(
        id=row.invoice,
        currency=row.currency,
        owed_minor=row.owed_minor,
        failed_at=row.failed_at,
        seen_at=row.ended_at or row.failed_at,
        outcome=row.outcome,
        ended_at=row.ended_at,
        recovered_minor=row.recovered_minor,
    )


def _values(campaign: Campaign, now: datetime) -> dict[str, Any]:
    standing = campaign.standing
    return {
        "opened_at": campaign.opened_at,
        "anchor_at": campaign.anchor_at,
        "window_s": int(campaign.window.total_seconds()),
        "terminal_at": campaign.terminal_at,
        "segment": campaign.segment,
        "code": campaign.code,
        "asked_at": campaign.asked_at,
        "version": campaign.version,
        "paid_invoices": standing.paid_invoices,
        "recoveries": standing.recoveries,
        "failing_cycles": standing.failing_cycles,
        "valuable": standing.valuable,
        "first_step": campaign.first_step,
        "outcome": campaign.outcome,
        "closed_at": campaign.closed_at,
        "looked_at": now,
    }


def _step(campaign: int, step: Step) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "number": step.number,
        "kind": step.kind,
        "due_at": step.due_at,
        "expires_at": step.expires_at,
    }


def _bill(account: str, campaign: int, bill: Bill) -> dict[str, Any]:
    return {
        "account": account,
        "invoice": bill.id,
        "campaign": campaign,
        "currency": bill.currency,
        "owed_minor": bill.owed_minor,
        "failed_at": bill.failed_at,
        "recovered_minor": bill.recovered_minor,
        "outcome": bill.outcome,
        "ended_at": bill.ended_at,
    }
