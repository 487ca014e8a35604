"""A subscription will cost more from a day ahead, and the customer did not ask for it.

Of a change that lies ahead, Stripe knows as the next phase of a subscription schedule: that is
how a shop moves its customers to a new price. What is changed at once is told by its receipt.
Source: lifecycle, row 7, notice windows and rulings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, Index, Row, Select, func, select, text, true

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    AFTER,
    UPTO,
    ahead,
    due_before,
    effect,
    epoch,
    goes_on,
    in_accounts,
    lives_in,
    named_instant,
    stop,
    verdict,
)
from notifications.phases import ASK_AGAIN_S, phase_from, sold_by
from notifications.policy import MailPolicy
from notifications.proposal import epoch as seconds
from notifications.subscribed import list_price, sale
from notifications.terms import PriceFacts, Terms, phase_items, price_id
from notifications.timing import TIMINGS
from sync.changes import Effect, RetryIn
from sync.history.amounts import cadence
from sync.mirror.facts import ItemFacts, SubscriptionFacts
from sync.mirror.objects.subscription import TABLE
from sync.mirror.objects.subscription_schedule import TABLE as SCHEDULES

NAME = "price_change"
_STATUSES = ("active", "past_due", "trialing")

Index(
    "subscription_schedules_next_phase_idx",
    SCHEDULES.c.current_phase_end,
    postgresql_where=text("status = 'active' AND ends_at > current_phase_end"),
)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the notices that fall due until shortly after `now` and are not yet recorded."""
    rows = conn.execute(_DUE, ahead(NAME, now, policy))
    return [_effect(row, now, policy) for row in rows]


def _due() -> Select[Any]:
    """Return the query for schedules whose next phase begins in the window.

    Whether it brings a higher price is decided when the notice is due: here only what has
    the same prices in all phases is passed over.
    """
    plan = _next_phases().cte("plan").prefix_with("MATERIALIZED")
    sub = (
        select(TABLE.c.customer)
        .where(
            TABLE.c.id == plan.c.id,
            TABLE.c.account == plan.c.account,
            TABLE.c.status.in_(_STATUSES),
            goes_on(plan.c.changes_at),
        )
        .limit(1)
        .lateral("sub")
    )
    who = lives_in(sub.c.customer, plan.c.account).lateral("who")
    found = select(plan, sub.c.customer, who).join_from(plan, sub, true())
    ordered = found.join(who, true(), isouter=True).order_by(plan.c.changes_at, plan.c.key)
    return ordered.limit(MOST_AT_ONCE)


def _next_phases() -> Select[Any]:
    plan = SCHEDULES.c
    newest = plan.prices[func.cardinality(plan.prices)]
    key = key_column(SCHEDULES, NAME, (plan.subscription, newest, epoch(plan.current_phase_end)))
    return select(
        key.label("key"),
        plan.subscription.label("id"),
        plan.account,
        plan.livemode,
        plan.id.label("schedule"),
        plan.current_phase_end.label("changes_at"),
    ).where(
        plan.status == "active",
        plan.ends_at > plan.current_phase_end,
        plan.current_phase_end > AFTER,
        plan.current_phase_end <= UPTO,
        func.cardinality(plan.prices) > 1,
        in_accounts(plan.account),
        is_new(key),
    )


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime, policy: MailPolicy) -> Effect:
    subject = {
        "subscription": row.id,
        "schedule": row.schedule,
        "changes_at": seconds(row.changes_at),
    }
    due_at = due_before(row, NAME, row.changes_at, policy, now)
    return effect(row, NAME, subject, due_at=due_at, about=row.changes_at, now=now)


def check(case: Case) -> Verdict:
    """Return why nobody needs to be told, None when the price goes up."""
    subscription, at = case.subscription, named_instant(case, "changes_at")
    reason = _stop(case, subscription, at)
    if reason or subscription is None:
        return verdict(reason)
    known = _coming(case, subscription, at) is not None
    return None if known else RetryIn(ASK_AGAIN_S, "price_unknown")


def _stop(case: Case, subscription: SubscriptionFacts | None, at: datetime) -> str | None:
    if subscription is None:
        return "subscription_gone"
    reason = stop(subscription, at, _STATUSES)
    if reason:
        return reason
    phase = phase_from(case.terms, at)
    if phase is None:
        return "reverted"
    if {price_id(item) for item in phase_items(phase)} == {one.price for one in subscription.items}:
        return "price_unchanged"
    return _no_increase(subscription.items, _coming(case, subscription, at) or ())


def _no_increase(before: Sequence[ItemFacts], after: Sequence[ItemFacts]) -> str | None:
    old, new = _monthly_minor(before), _monthly_minor(after)
    if old is None or new is None:
        return None  # what depends on use can be more: better told than not
    return "decrease" if new < old else "price_unchanged" if new == old else None


def _coming(
    case: Case, subscription: SubscriptionFacts, at: datetime
) -> tuple[ItemFacts, ...] | None:
    """Return what the phase from `at` sells, as items; None while a price is not known yet."""
    return sold_by(phase_from(case.terms, at) or {}, subscription.items, case.terms)


def _monthly_minor(items: Sequence[ItemFacts]) -> Fraction | None:
    """Return what `items` list for a month, None where a part depends on use."""
    if not items or any(item.unit_amount_minor is None for item in items):
        return None
    monthly = (
        (item.unit_amount_minor or 0) * item.quantity * cadence(item.interval, item.interval_count)
        for item in items
    )
    return sum(monthly, Fraction(0))


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `price` is the one to come, `old_price` today's.

    Both are list prices; `old_price` is unset where it depends on use.
    """
    subscription, at = case.subscription, named_instant(case, "changes_at")
    assert subscription is not None, "checked before"
    items = _coming(case, subscription, at)
    assert items is not None, "checked before"
    old = list_price(subscription.items)
    return {
        **sale(subscription, items, Terms(method=case.terms.method), at),
        "changes_at": at,
        "old_price": None if old.is_metered else old,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "higher": _sample(policy),
        "metered": _sample(policy, unit_amount_minor=None),
        "another-interval": _sample(policy, unit_amount_minor=36000, interval="year"),
        "metered-before": _sample(policy, items=(samples.ITEM_METERED,)),
        "invoiced": _sample(policy, collection_method="send_invoice"),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    price = PriceFacts(
        id="price_new",
        product_name="Garden Box",
        currency="usd",
        unit_amount_minor=3400,
        interval="month",
        interval_count=1,
    )
    of_price = {name: changed.pop(name) for name in PriceFacts.__slots__ if name in changed}
    at = seconds(samples.PERIOD_END)
    phase = {"start_date": int(at), "items": [{"price": price.id, "quantity": 1}]}
    terms = Terms(
        schedule={"status": "active", "phases": [phase]},
        prices={price.id: replace(price, **of_price)},
        method=samples.CARD,
    )
    subscription = samples.subscription(**changed)
    subject = {"subscription": subscription.id, "schedule": "sub_sched_sample", "changes_at": at}
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
