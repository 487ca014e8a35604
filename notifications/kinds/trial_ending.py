"""A free trial ends soon: what begins then, for how much, and how to stop it.

Seven days ahead, as Visa wants; Stripe's own `trial_will_end` comes three days ahead only.
Source: lifecycle, row 2, notice windows and rulings.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Index, Row, Select, select, text, true

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    AFTER,
    UPTO,
    ahead,
    costs,
    costs_from,
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
from notifications.phases import sold_from
from notifications.policy import MailPolicy
from notifications.proposal import epoch as seconds
from notifications.subscribed import sale
from notifications.terms import Terms
from notifications.timing import TIMINGS
from sync.changes import Effect
from sync.history.amounts import Discount
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import TABLE

NAME = "trial_ending"

Index(
    "subscriptions_trialing_idx",
    TABLE.c.trial_end,
    postgresql_where=text("status = 'trialing'"),
)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the notices that fall due until shortly after `now` and are not yet recorded."""
    rows = conn.execute(_DUE, ahead(NAME, now, policy))
    return [_effect(row, now, policy) for row in rows]


def _due() -> Select[Any]:
    sub = TABLE.c
    key = key_column(TABLE, NAME, (sub.id, epoch(sub.trial_end)))
    columns = (sub.id, sub.account, sub.livemode, sub.customer, sub.trial_start, sub.trial_end)
    found = (
        select(key.label("key"), *columns)
        .where(
            sub.status == "trialing",
            sub.trial_end > AFTER,
            sub.trial_end <= UPTO,
            in_accounts(sub.account),
            goes_on(sub.trial_end),
            costs(),
            is_new(key),
        )
        .order_by(sub.trial_end, sub.id)
        .limit(MOST_AT_ONCE)
        .cte("trial")
    )
    who = lives_in(found.c.customer, found.c.account).lateral("who")
    return select(found, who).join_from(found, who, true(), isouter=True)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime, policy: MailPolicy) -> Effect:
    due_at = due_before(row, NAME, row.trial_end, policy, now)
    subject = {"subscription": row.id, "trial_end": seconds(row.trial_end)}
    # A trial shorter than the notice is announced when it begins.
    due_at = max(due_at, row.trial_start or due_at)
    return effect(row, NAME, subject, due_at=due_at, about=row.trial_end, now=now)


def check(case: Case) -> Verdict:
    """Return why no charge follows on this trial's end, None when one does."""
    subscription, ends_at = case.subscription, named_instant(case, "trial_end")
    if subscription is None:
        return verdict("subscription_gone")
    reason = _stop(subscription, ends_at)
    return verdict(reason) or costs_from(subscription.items, case.terms, ends_at)


def _stop(subscription: SubscriptionFacts, ends_at: datetime) -> str | None:
    if subscription.status == "active":
        return "converted"
    moved = None if subscription.trial_end == ends_at else "date_moved"
    return stop(subscription, ends_at, {"trialing"}) or moved


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name beside what is sold; `card` is what would be charged."""
    subscription, ends_at = case.subscription, named_instant(case, "trial_end")
    assert subscription is not None, "checked before"
    items = sold_from(subscription.items, case.terms, ends_at)
    assert items is not None, "checked before"
    return {**sale(subscription, items, case.terms, ends_at), "ends_at": ends_at}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    half = Terms(discounts=(Discount(percent_off=samples.HALF),), method=samples.CARD)
    return {
        "card": _sample(policy, Terms(method=samples.CARD)),
        "no-card": _sample(policy, Terms()),
        "discounted": _sample(policy, half),
        "metered": _sample(policy, Terms(), items=(samples.ITEM_METERED,)),
        "both": _sample(policy, Terms(), items=(samples.ITEM, samples.ITEM_METERED)),
        "invoiced": _sample(policy, Terms(), collection_method="send_invoice"),
    }


def _sample(policy: MailPolicy, terms: Terms, **changed: Any) -> Case:
    trial = {"status": "trialing", "trial_end": samples.PERIOD_END, **changed}
    subscription = samples.subscription(**trial)
    subject = {"subscription": subscription.id, "trial_end": seconds(samples.PERIOD_END)}
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
