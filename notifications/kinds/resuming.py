"""A pause of payments ends by itself soon: when, and what is charged next.

Source: lifecycle, row 18.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Index, Row, Select, Text, literal, null, or_, select, text

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    AFTER,
    UPTO,
    costs,
    costs_from,
    effect,
    epoch,
    in_accounts,
    named_instant,
    verdict,
)
from notifications.phases import sold_from
from notifications.policy import MailPolicy
from notifications.proposal import epoch as seconds
from notifications.subscribed import sale
from notifications.terms import Terms
from notifications.timing import TIMINGS
from sync.changes import Effect
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import TABLE

NAME = "resuming"
AHEAD = timedelta(days=3)
_STATUSES = ("active", "trialing")

Index(
    "subscriptions_resumes_at_idx",
    TABLE.c.pause_collection_resumes_at,
    postgresql_where=text("pause_collection_resumes_at IS NOT NULL"),
)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the notices that fall due until shortly after `now` and are not yet recorded."""
    window = {"after": now + AHEAD - TIMINGS[NAME].lives, "upto": now + AHEAD + LOOK_AHEAD}
    rows = conn.execute(_DUE, {**window, "accounts": sorted(policy.accounts)})
    return [_effect(row, now) for row in rows]


def _due() -> Select[Any]:
    sub = TABLE.c
    resumes_at = sub.pause_collection_resumes_at
    key = key_column(TABLE, NAME, (sub.id, epoch(resumes_at), literal("resuming", Text)))
    columns = (sub.id, sub.account, sub.livemode, sub.customer, resumes_at.label("resumes_at"))
    nowhere = null().label("country"), null().label("state")
    return (
        select(key.label("key"), *columns, *nowhere)
        .where(
            resumes_at > AFTER,
            resumes_at <= UPTO,
            sub.status.in_(_STATUSES),
            sub.cancel_at_period_end.is_not(True),
            or_(sub.cancel_at.is_(None), sub.cancel_at > resumes_at),
            in_accounts(sub.account),
            costs(),
            is_new(key),
        )
        .order_by(resumes_at, sub.id)
        .limit(MOST_AT_ONCE)
    )


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime) -> Effect:
    subject = {"subscription": row.id, "resumes_at": seconds(row.resumes_at)}
    due_at = row.resumes_at - AHEAD
    return effect(row, NAME, subject, due_at=due_at, about=row.resumes_at, now=now)


def check(case: Case) -> Verdict:
    """Return why payments do not go on that day, None when they do."""
    subscription, resumes_at = case.subscription, named_instant(case, "resumes_at")
    if subscription is None:
        return verdict("subscription_gone")
    reason = _stop(subscription, resumes_at)
    charged_at = _next_charge(subscription, resumes_at) or resumes_at
    return verdict(reason) or costs_from(subscription.items, case.terms, charged_at)


def _stop(subscription: SubscriptionFacts, resumes_at: datetime) -> str | None:
    if subscription.status not in _STATUSES:
        return subscription.status or "not_active"
    if subscription.pause_collection_behavior is None:
        return "resumed"
    if subscription.resumes_at != resumes_at:
        return "date_moved"
    ends_at = subscription.cancel_at
    if subscription.cancel_at_period_end or (ends_at and ends_at <= resumes_at):
        return "cancel_set"
    return None


def _next_charge(subscription: SubscriptionFacts, resumes_at: datetime) -> datetime | None:
    """Return when the first charge after the pause is made, None where it is not known yet.

    While payments pause, periods go on: only one that ends after the pause is charged, and of
    those only the end of the present one is known.
    """
    renews_at = subscription.current_period_end
    return renews_at if renews_at and renews_at >= resumes_at else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `next_charge` is unset where it is not known yet."""
    subscription, resumes_at = case.subscription, named_instant(case, "resumes_at")
    assert subscription is not None, "checked before"
    next_charge = _next_charge(subscription, resumes_at)
    charged_at = next_charge or resumes_at
    items = sold_from(subscription.items, case.terms, charged_at)
    assert items is not None, "checked before"
    sold = sale(subscription, items, case.terms, charged_at)
    return {**sold, "resumes_at": resumes_at, "next_charge": next_charge}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    later = samples.PERIOD_END + timedelta(days=10)
    return {
        "charge-known": _sample(policy),
        "charge-later": _sample(policy, resumes_at=later),
        "metered": _sample(policy, items=(samples.ITEM_METERED,)),
        "invoiced": _sample(policy, collection_method="send_invoice"),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    resumes_at = changed.pop("resumes_at", samples.NOW + AHEAD)
    paused = {"pause_collection_behavior": "void", "resumes_at": resumes_at, **changed}
    subscription = samples.subscription(**paused)
    subject = {"subscription": subscription.id, "resumes_at": seconds(resumes_at)}
    terms = Terms(method=samples.CARD)
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
