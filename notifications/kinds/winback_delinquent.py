"""A subscription ended because its payments failed: three mails that show the way back.

Most of them did not want to leave, so the first two only say how to start again; the last one
may hold an offer. Source: lifecycle, row 22 and rulings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, true

from notifications import samples, winback
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.notices import verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from notifications.timing import TIMINGS
from sync.changes import Effect

NAME = "winback_delinquent"
REASON = "payment_failed"
DAYS = (14, 16, 23)

# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = winback.ended(NAME, REASON, dict.fromkeys(DAYS, true()))


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails that fall due until shortly after `now` and are not yet recorded."""
    wanted = {"now": now, "accounts": sorted(policy.accounts)}
    return [_effect(row) for row in conn.execute(_DUE, wanted)]


def _effect(row: Row[Any]) -> Effect:
    due_at = row.ended_at + timedelta(days=row.days)
    return Effect(
        key=row.key,
        channel="mail",
        kind=NAME,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={"subscription": row.id, "days": str(row.days)},
        due_at=due_at,
        expires_at=TIMINGS[NAME].expires_at(due_at),
    )


def check(case: Case) -> Verdict:
    """Return why this customer is not asked back, None when they are."""
    found = winback.stops(case, REASON, "not_nonpayment")
    reason = next((reason for reason, holds in found if holds), None)
    return verdict(reason or _next_is_due(case))


def _next_is_due(case: Case) -> str | None:
    """Return why a late mail gives way to the next: nobody gets two at once."""
    ended = case.subscription
    following = [days for days in DAYS if days > int(case.subject["days"])]
    if not following or ended is None or ended.ended_at is None:
        return None
    return "next_is_due" if case.now >= ended.ended_at + timedelta(days=following[0]) else None


def wants_offer(case: Case) -> bool:
    """Tell whether this mail may hold an offer: the last one only."""
    return int(case.subject["days"]) == DAYS[-1]


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `step` counts from 1."""
    ended = case.subscription
    assert ended is not None, "checked before"
    days = int(case.subject["days"])
    return {
        "step": DAYS.index(days) + 1,
        "is_last": days == DAYS[-1],
        "plans": plans(ended),
        "ended_at": ended.ended_at,
        **winback.offered(case),
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    last = _sample(policy, DAYS[2])
    return {
        "first": _sample(policy, DAYS[0]),
        "second": _sample(policy, DAYS[1]),
        "last": last,
        "last-with-offer": replace(last, offer=samples.OFFER),
        "no-plan-name": _sample(policy, DAYS[0], items=()),
    }


def _sample(policy: MailPolicy, days: int, **changed: Any) -> Case:
    ended = samples.subscription(
        status="canceled",
        ended_at=samples.NOW - timedelta(days=days),
        cancellation_reason=REASON,
        **changed,
    )
    subject = {"subscription": ended.id, "days": str(days)}
    return samples.case(policy, subject=subject, subscription=ended)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    needs=winback.NEEDS,
    wants_offer=wants_offer,
)
