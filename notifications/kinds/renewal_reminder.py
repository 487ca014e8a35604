"""A subscription renews soon: what, when, for how much, and how to stop it.

Source: lifecycle, row 5, notice windows and rulings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    Integer,
    Row,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    extract,
    false,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.sql.expression import TableValuedAlias
from sqlalchemy.sql.functions import coalesce
from sqlalchemy.types import TypeEngine

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import is_free, is_metered, list_price, plan_names, renewing
from notifications.wording import Period
from sync.changes import Effect, Skipped
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import ITEMS, TABLE

NAME = "renewal_reminder"
# Later than this a reminder leaves no time to act on it.
USE_BY = timedelta(hours=24)

# Holds all that is asked of an item, so that the scan reads the index alone.
Index(
    "subscription_items_renewal_idx",
    ITEMS.c.recurring_interval,
    ITEMS.c.current_period_end,
    postgresql_include=["subscription", "account", "livemode", "unit_amount_minor", "quantity"],
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One reminder: how long before the renewal it is due, and from when on it is too late."""

    interval: str
    days: int
    until: timedelta

    @property
    def margin(self) -> timedelta:
        """How far ahead a renewal must lie: one that gives way within a tick is not begun."""
        return self.until if self.until == USE_BY else self.until + LOOK_AHEAD


def notices(policy: MailPolicy) -> Iterator[Notice]:
    """Return the reminders asked for; one gives way to the next of its interval when that is due.

    So whoever is first seen within the window gets one reminder, not all of them at once.
    """
    for interval, offsets in policy.renewal_reminders.items():
        following = [timedelta(days=days) for days in offsets[1:]]
        for days, until in zip(offsets, [*following, USE_BY], strict=True):
            yield Notice(interval, days, until)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the reminders that fall due until shortly after `now` and are not yet recorded."""
    wanted = {(notice.interval, notice.days): notice for notice in notices(policy)}
    windows = {
        "interval": [notice.interval for notice in wanted.values()],
        "days": [notice.days for notice in wanted.values()],
        "after": [now + notice.margin for notice in wanted.values()],
        "upto": [now + timedelta(days=n.days) + LOOK_AHEAD for n in wanted.values()],
        "accounts": sorted(policy.accounts),
    }
    rows = conn.execute(_DUE, windows)
    found = {row.key: _effect(row, wanted[row.interval, row.days]) for row in rows}
    return list(found.values())


def _due() -> Select[Any]:
    """Return the query for renewals in the windows that have no reminder yet.

    First the items whose period ends in a window, by their index alone; then, one by one, the
    subscriptions of those without an effect.
    """
    item = _items_in_windows().cte("item").prefix_with("MATERIALIZED")
    sub = (
        select(TABLE.c.customer)
        .where(
            TABLE.c.id == item.c.subscription,
            TABLE.c.account == item.c.account,
            _will_renew(item.c.current_period_end),
        )
        .limit(1)
        .lateral("sub")
    )
    ordered = select(item, sub.c.customer).join_from(item, sub, true())
    return ordered.order_by(item.c.current_period_end, item.c.key).limit(MOST_AT_ONCE)


def _items_in_windows() -> Select[Any]:
    item, window = ITEMS.c, _windows()
    period_end = cast(cast(extract("epoch", item.current_period_end), BigInteger), Text)
    key = key_column(ITEMS, NAME, (item.subscription, period_end, cast(window.c.days, Text)))
    columns = (item.subscription, item.account, item.livemode, item.current_period_end)
    return (
        select(key.label("key"), *columns, window.c.interval, window.c.days)
        .join_from(window, ITEMS, item.recurring_interval == window.c.interval)
        .where(
            item.current_period_end > window.c.after,
            item.current_period_end <= window.c.upto,
            item.account == any_(bindparam("accounts", type_=ARRAY(Text))),
            or_(
                item.unit_amount_minor.is_(None),
                item.unit_amount_minor * coalesce(item.quantity, 1) != 0,
            ),
            is_new(key),
        )
    )


def _windows() -> TableValuedAlias:
    time = DateTime(timezone=True)
    columns: Mapping[str, TypeEngine[Any]] = {
        "interval": Text(),
        "days": Integer(),
        "after": time,
        "upto": time,
    }
    lists = [bindparam(name, type_=ARRAY(type_)) for name, type_ in columns.items()]
    named = [column(name, type_) for name, type_ in columns.items()]
    return func.unnest(*lists).table_valued(*named, name="due_window").render_derived()


def _will_renew(at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the same rules as `check`, so that what is no candidate leaves no trace."""
    sub = TABLE.c
    return and_(
        sub.status == "active",
        coalesce(sub.cancel_at_period_end, false()).is_(False),
        or_(sub.cancel_at.is_(None), sub.cancel_at > at),
        sub.pause_collection_behavior.is_(None),
    )


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], notice: Notice) -> Effect:
    renews_at = row.current_period_end
    return Effect(
        key=row.key,
        channel="mail",
        kind=NAME,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={
            "subscription": row.subscription,
            "period_end": str(int(renews_at.timestamp())),
            "days": str(notice.days),
        },
        due_at=renews_at - timedelta(days=notice.days),
        expires_at=renews_at - notice.until,
    )


def check(case: Case) -> Verdict:
    """Return why nothing renews on the day of the reminder, None when it does."""
    reason = _stop(case.subscription, _renews_at(case))
    return Skipped(reason) if reason else None


def _stop(subscription: SubscriptionFacts | None, renews_at: datetime) -> str | None:
    if subscription is None:
        return "subscription_gone"
    if subscription.status != "active":
        return subscription.status or "not_active"
    ends_at = subscription.cancel_at
    if subscription.cancel_at_period_end or (ends_at and ends_at <= renews_at):
        return "cancel_set"
    if subscription.pause_collection_behavior:
        return "paused"
    items = renewing(subscription, renews_at)
    if not items:
        return "date_moved"
    return "free" if is_free(items) else None


def _renews_at(case: Case) -> datetime:
    return datetime.fromtimestamp(int(case.subject["period_end"]), UTC)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `price` is None when all depends on use."""
    subscription, renews_at = case.subscription, _renews_at(case)
    assert subscription is not None, "checked before"
    items = renewing(subscription, renews_at)
    first = items[0]
    return {
        "period": Period(first.interval or "month", first.interval_count),
        "plans": plan_names(items),
        "renews_at": renews_at,
        "price": list_price(items),
        "is_metered": is_metered(items),
        "is_invoiced": subscription.collection_method == "send_invoice",
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    metered = samples.ITEM_METERED
    return {
        "fixed-price": _sample(policy, samples.subscription()),
        "metered": _sample(policy, samples.subscription(items=(metered,))),
        "both": _sample(policy, samples.subscription(items=(samples.ITEM, metered))),
        "invoiced": _sample(policy, samples.subscription(collection_method="send_invoice")),
    }


def _sample(policy: MailPolicy, subscription: SubscriptionFacts) -> Case:
    period_end = str(int(samples.PERIOD_END.timestamp()))
    subject = {"subscription": subscription.id, "period_end": period_end, "days": "3"}
    return samples.case(policy, subject=subject, subscription=subscription)


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
