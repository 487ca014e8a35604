"""What the mails that time brings have in common: the words of their scans, and when they stop."""

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    column,
    exists,
    extract,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.sql.expression import TableValuedAlias
from sqlalchemy.sql.functions import coalesce
from sqlalchemy.types import TypeEngine

from notifications import hours, windows
from notifications.case import Case
from notifications.kind import LOOK_AHEAD, Verdict
from notifications.phases import ASK_AGAIN_S, sold_from
from notifications.policy import MailPolicy
from notifications.subscribed import list_price
from notifications.terms import Terms
from notifications.timing import TIMINGS
from sync.changes import Effect, RetryIn, Skipped
from sync.mirror.facts import ItemFacts, SubscriptionFacts
from sync.mirror.objects import customer
from sync.mirror.objects.subscription import ITEMS, TABLE

# What all scans are asked with, beside what is their own.
AFTER = bindparam("after", type_=DateTime(timezone=True))
UPTO = bindparam("upto", type_=DateTime(timezone=True))


def in_accounts(account: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that an account's customers get mail."""
    return account == any_(bindparam("accounts", type_=ARRAY(Text)))


def epoch(instant: ColumnElement[Any]) -> ColumnElement[str]:
    """Return an instant as it stands in keys and subjects: whole seconds since 1970."""
    return cast(cast(extract("epoch", instant), BigInteger), Text)


def goes_on(at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Return the condition that a subscription is neither ended by then nor paused."""
    sub = TABLE.c
    return and_(
        coalesce(sub.cancel_at_period_end, false()).is_(False),
        or_(sub.cancel_at.is_(None), sub.cancel_at > at),
        sub.pause_collection_behavior.is_(None),
    )


def costs() -> ColumnElement[bool]:
    """Return the condition that some item of a subscription costs something."""
    item = ITEMS.c
    mine = and_(item.subscription == TABLE.c.id, item.account == TABLE.c.account)
    paid = or_(
        item.unit_amount_minor.is_(None), item.unit_amount_minor * coalesce(item.quantity, 1) != 0
    )
    return exists().where(mine, paid)


def asked_for(name: str, columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return what a scan is asked to look for as a table: each column is a list it is given."""
    lists = [bindparam(column_, type_=ARRAY(type_)) for column_, type_ in columns.items()]
    named = [column(column_, type_) for column_, type_ in columns.items()]
    return func.unnest(*lists).table_valued(*named, name=name).render_derived()


def lives_in(customer_id: ColumnElement[str], account: ColumnElement[str]) -> Select[Any]:
    """Return the query for a customer's country and state, and the shop's notes about them."""
    who = customer.TABLE.c
    state = who.data["address", "state"].astext.label("state")
    columns = who.country, state, who.data["metadata"].label("notes")
    return select(*columns).where(who.id == customer_id, who.account == account)


def ahead(kind: str, now: datetime, policy: MailPolicy) -> Mapping[str, Any]:
    """Return what a scan is asked with for notices by the table of windows."""
    earliest = timedelta(days=windows.widest_days(kind)) + LOOK_AHEAD
    after = now + (TIMINGS[kind].margin or timedelta(0))
    return {"after": after, "upto": now + earliest, "accounts": sorted(policy.accounts)}


def due_before(
    row: Row[Any], kind: str, about: datetime, policy: MailPolicy, now: datetime
) -> datetime:
    """Return when the notice about a day is due, by the rule of the customer's place.

    What waiting for the morning would bring past its legal edge goes out the evening before.
    """
    rule = windows.window(kind, windows.place(row.country, row.state))
    assert rule is not None, "there is one for anywhere"
    due_at, edge = about - timedelta(days=rule.days), rule.edge(about)
    allowed = policy.mail_hours.get(TIMINGS[kind].category)
    if edge is None or allowed is None:
        return due_at
    zone = hours.zone_for(row.country, row.notes or {}, policy.timezone)
    evening = allowed.last_open(due_at, zone)
    return evening if allowed.opening(due_at, zone) > edge and evening >= now else due_at


def effect(
    row: Row[Any],
    kind: str,
    subject: dict[str, str],
    *,
    due_at: datetime,
    about: datetime,
    now: datetime,
    expires_at: datetime | None = None,
) -> Effect:
    """Return the notice that a scan's row asks for; `about` is the date that it announces."""
    where = windows.place(row.country, row.state)
    marks = windows.marks(kind, where, due_at=due_at, about=about, now=now)
    return Effect(
        key=row.key,
        channel="mail",
        kind=kind,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={**subject, **marks},
        due_at=due_at,
        expires_at=expires_at or TIMINGS[kind].expires_at(due_at, about),
    )


def named_instant(case: Case, name: str) -> datetime:
    """Return the instant that the subject holds under `name`."""
    return datetime.fromtimestamp(int(case.subject[name]), UTC)


def stop(subscription: SubscriptionFacts, at: datetime, statuses: Iterable[str]) -> str | None:
    """Return why a subscription does not go on at `at`; the same rules as the scans'."""
    if subscription.status not in statuses:
        return subscription.status or "not_active"
    ends_at = subscription.cancel_at
    if subscription.cancel_at_period_end or (ends_at and ends_at <= at):
        return "cancel_set"
    return "paused" if subscription.pause_collection_behavior else None


def verdict(reason: str | None) -> Verdict:
    """Return the verdict that `reason` means; None lets the mail go."""
    return Skipped(reason) if reason else None


def free(items: Sequence[ItemFacts]) -> str | None:
    """Return `free` for what costs nothing."""
    return "free" if list_price(items).is_free else None


def costs_from(items: Sequence[ItemFacts], terms: Terms, at: datetime) -> Verdict:
    """Return `free` where what follows on `items` at `at` costs nothing; wait for its price."""
    sold = sold_from(items, terms, at)
    return RetryIn(ASK_AGAIN_S, "price_unknown") if sold is None else verdict(free(sold))


def first_renewal(subscription: SubscriptionFacts, at: datetime) -> datetime | None:
    """Return the first renewal of any of the items that is not before `at`; None: there is none.

    Periods ahead are counted from the end of the present one.
    """
    found = [_not_before(item, at) for item in subscription.items if item.current_period_end]
    return min(filter(None, found), default=None)


def _not_before(item: ItemFacts, at: datetime) -> datetime | None:
    begin, times = item.current_period_end, 0
    renews_at = begin
    while begin and renews_at and renews_at < at:
        times += 1
        renews_at = _later(begin, item.interval, item.interval_count * times)
    return renews_at


def _later(instant: datetime, interval: str | None, count: int) -> datetime | None:
    """Return the same day so many intervals later, the month's last where it has no such day."""
    if interval in {"day", "week"}:
        return instant + timedelta(days=count * (7 if interval == "week" else 1))
    if interval not in {"month", "year"} or count < 1:
        return None
    months = instant.month - 1 + count * (12 if interval == "year" else 1)
    year, month = instant.year + months // 12, months % 12 + 1
    return instant.replace(year=year, month=month, day=min(instant.day, monthrange(year, month)[1]))
