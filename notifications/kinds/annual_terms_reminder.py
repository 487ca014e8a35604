"""Once a year: what somebody is subscribed to, how often and how much is charged, how to stop.

On the anniversary of the day on which it began, unless a renewal reminder has just said it.
Source: lifecycle, row 6 (California AB 2863: consumerfinsights.com, ktslaw.com) and rulings.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Index,
    Integer,
    Row,
    Select,
    Text,
    cast,
    func,
    null,
    select,
    text,
)
from sqlalchemy.sql.expression import TableValuedAlias

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    AFTER,
    UPTO,
    asked_for,
    costs,
    costs_from,
    effect,
    goes_on,
    in_accounts,
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
from sync.mirror.objects.subscription import TABLE

NAME = "annual_terms_reminder"
REMINDED_LATELY = timedelta(days=45)
# Stripe opened in 2011, and some shops brought subscriptions with them.
_MOST_YEARS = 30
# A year's length differs from place to place in the calendar; the scan looks wider, then exactly.
_LEAP = timedelta(days=2)
_STATUSES = ("active", "past_due", "trialing")

Index(
    "subscriptions_start_date_idx",
    TABLE.c.start_date,
    postgresql_where=text("status IN ('active', 'past_due', 'trialing')"),
)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the reminders that fall due until shortly after `now` and are not yet recorded."""
    after, upto = now - TIMINGS[NAME].lives, now + LOOK_AHEAD
    years = range(1, _MOST_YEARS + 1)
    windows = {
        "years": list(years),
        "first": [after - timedelta(days=365.25 * n) - _LEAP for n in years],
        "last": [upto - timedelta(days=365.25 * n) + _LEAP for n in years],
    }
    asked = {"after": after, "upto": upto, "accounts": sorted(policy.accounts), **windows}
    return [_effect(row, now) for row in conn.execute(_DUE, asked)]


def _due() -> Select[Any]:
    sub, began = TABLE.c, _years()
    # In UTC, whatever the session's time zone: 29 February has its anniversary a day earlier.
    anniversary = func.timezone(
        "UTC", func.timezone("UTC", sub.start_date) + func.make_interval(began.c.years)
    )
    key = key_column(TABLE, NAME, (sub.id, cast(began.c.years, Text)))
    columns = (sub.id, sub.account, sub.livemode, sub.customer, anniversary.label("anniversary"))
    nowhere = null().label("country"), null().label("state")
    return (
        select(key.label("key"), *columns, began.c.years, *nowhere)
        .join_from(began, TABLE, sub.start_date.between(began.c.first, began.c.last))
        .where(
            sub.status.in_(_STATUSES),
            anniversary > AFTER,
            anniversary <= UPTO,
            goes_on(anniversary),
            in_accounts(sub.account),
            costs(),
            is_new(key),
        )
        .order_by(anniversary, sub.id)
        .limit(MOST_AT_ONCE)
    )


def _years() -> TableValuedAlias:
    time = AFTER.type
    return asked_for("began", {"years": Integer(), "first": time, "last": time})


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime) -> Effect:
    on = row.anniversary.astimezone(UTC)
    subject = {"subscription": row.id, "year": str(row.years), "anniversary": seconds(on)}
    return effect(row, NAME, subject, due_at=on, about=on, now=now)


def check(case: Case) -> Verdict:
    """Return why nobody is reminded of these terms, None when they are."""
    if _reminded_lately(case):
        return verdict("renewal_reminder_sent")
    subscription, on = case.subscription, named_instant(case, "anniversary")
    if subscription is None:
        return verdict("subscription_gone")
    reason = stop(subscription, on, _STATUSES)
    return verdict(reason) or costs_from(subscription.items, case.terms, on)


def _reminded_lately(case: Case) -> bool:
    since = case.now - REMINDED_LATELY
    about = case.subject["subscription"]
    return any(
        mail.went_out and mail.at >= since and mail.subject.get("subscription") == about
        for mail in case.mails
        if mail.kind == "renewal_reminder"
    )


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `since` is the day on which it began."""
    subscription, on = case.subscription, named_instant(case, "anniversary")
    assert subscription is not None, "checked before"
    items = sold_from(subscription.items, case.terms, on)
    assert items is not None, "checked before"
    return {**sale(subscription, items, case.terms, on), "since": subscription.start_date}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    metered = samples.ITEM_METERED
    return {
        "card": _sample(policy),
        "metered": _sample(policy, items=(metered,)),
        "both": _sample(policy, items=(samples.ITEM, metered)),
        "invoiced": _sample(policy, collection_method="send_invoice"),
    }


def _sample(policy: MailPolicy, **changed: Any) -> Case:
    subscription = samples.subscription(start_date=samples.NOW.replace(year=2025), **changed)
    on = seconds(samples.NOW)
    subject = {"subscription": subscription.id, "year": "1", "anniversary": on}
    terms = Terms(method=samples.CARD)
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    recalls=("renewal_reminder",),
)
