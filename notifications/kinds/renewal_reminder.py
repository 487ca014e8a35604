"""A subscription renews soon: what, when, for how much, and how to stop it.

Source: lifecycle, row 5, notice windows and rulings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Index,
    Integer,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql.expression import TableValuedAlias
from sqlalchemy.sql.functions import coalesce
from sqlalchemy.types import TypeEngine

from notifications import samples, windows
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    asked_for,
    effect,
    epoch,
    goes_on,
    in_accounts,
    lives_in,
    named_instant,
    stop,
    verdict,
)
from notifications.phases import ASK_AGAIN_S, sold_from
from notifications.policy import MailPolicy
from notifications.proposal import epoch as seconds
from notifications.subscribed import net_price, renewing, sale
from notifications.terms import Terms
from notifications.timing import TIMINGS
from sync.changes import Effect, RetryIn
from sync.history.amounts import Discount
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import ITEMS, TABLE

NAME = "renewal_reminder"
# Later than this a reminder leaves no time to act on it.
USE_BY = TIMINGS[NAME].margin or timedelta(0)
# Holds all that is asked of an item, so that the scan reads the index alone.
Index(
    "subscription_items_renewal_idx",
    ITEMS.c.recurring_interval,
    ITEMS.c.current_period_end,
    postgresql_include=["subscription", "account", "livemode", "unit_amount_minor", "quantity"],
)
# Long terms counted in short intervals: few among many.
_COUNTED_LONG = ITEMS.c.recurring_interval_count >= literal_column(
    str(min(count for count in windows.LONG_TERM.values() if count > 1))
)
Index(
    "subscription_items_long_term_idx",
    ITEMS.c.recurring_interval,
    ITEMS.c.current_period_end,
    postgresql_where=_COUNTED_LONG,
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One reminder: how long before the renewal it is due, and from when on it is too late.

    `place` is where the law wants it, for terms of `at_least` intervals; None: the shop does.
    """

    interval: str
    days: int
    until: timedelta
    at_least: int = 1
    place: windows.Place | None = None

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


def owed(policy: MailPolicy) -> Iterator[Notice]:
    """Return the reminders that a law wants where the shop's own do not satisfy it."""
    for place, rule in windows.WINDOWS[NAME].items():
        for interval, at_least in windows.LONG_TERM.items():
            offsets = policy.renewal_reminders.get(interval, ())
            if not any(rule.holds(days) for days in offsets):
                later = [timedelta(days=days) for days in offsets if days < rule.days]
                yield Notice(interval, rule.days, max([USE_BY, *later]), at_least, place)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the reminders that fall due until shortly after `now` and are not yet recorded."""
    legal = list(owed(policy))
    years = [notice for notice in legal if notice.interval == "year"]
    counted = [notice for notice in legal if notice.interval != "year"]
    accounts = sorted(policy.accounts)
    looks = ((_DUE, list(notices(policy))), (_DUE_BY_LAW, years), (_DUE_BY_LAW_COUNTED, counted))
    found: dict[str, Effect] = {}
    for query, wanted in looks:
        rows = conn.execute(query, {**_asked(wanted, now), "accounts": accounts}) if wanted else ()
        found |= {row.key: _effect(row, wanted[row.number], now) for row in rows}
    return list(found.values())


def _asked(wanted: Sequence[Notice], now: datetime) -> Mapping[str, Any]:
    return {
        "number": list(range(len(wanted))),
        "interval": [notice.interval for notice in wanted],
        "days": [notice.days for notice in wanted],
        "after": [now + notice.margin for notice in wanted],
        "upto": [now + timedelta(days=notice.days) + LOOK_AHEAD for notice in wanted],
        "at_least": [notice.at_least for notice in wanted],
        "in_country": [notice.place and notice.place[0] for notice in wanted],
        "in_state": [notice.place and notice.place[1] for notice in wanted],
    }


def _due(*of_item: ColumnElement[bool], by_law: bool = False) -> Select[Any]:
    """Return the query for renewals in the windows that have no reminder yet.

    First the items whose period ends in a window, by their index alone; then, one by one, the
    subscriptions of those without an effect.
    """
    item = _items_in_windows(*of_item, by_law=by_law).cte("item").prefix_with("MATERIALIZED")
    sub = (
        select(TABLE.c.customer)
        .where(
            TABLE.c.id == item.c.subscription,
            TABLE.c.account == item.c.account,
            TABLE.c.status == "active",
            goes_on(item.c.current_period_end),
        )
        .limit(1)
        .lateral("sub")
    )
    who = lives_in(sub.c.customer, item.c.account).lateral("who")
    there = _is_there(item.c, who.c) if by_law else true()
    found = select(item, sub.c.customer, who).join_from(item, sub, true())
    found = found.join(who, there, isouter=not by_law)
    return found.order_by(item.c.current_period_end, item.c.key).limit(MOST_AT_ONCE)


def _is_there(wanted: Any, who: Any) -> ColumnElement[bool]:
    written = func.upper(func.trim(who.state))
    return and_(
        func.upper(func.trim(who.country)) == wanted.in_country,
        or_(
            wanted.in_state.is_(None),
            case(dict(windows.STATES), value=written, else_=written) == wanted.in_state,
        ),
    )


def _items_in_windows(*of_item: ColumnElement[bool], by_law: bool) -> Select[Any]:
    item, window = ITEMS.c, _windows()
    key = key_column(
        ITEMS, NAME, (item.subscription, epoch(item.current_period_end), cast(window.c.days, Text))
    )
    columns = (item.subscription, item.account, item.livemode, item.current_period_end)
    place = (window.c.in_country, window.c.in_state) if by_law else ()
    long_enough = coalesce(item.recurring_interval_count, 1) >= window.c.at_least
    return (
        select(key.label("key"), *columns, window.c.number, *place)
        .join_from(window, ITEMS, item.recurring_interval == window.c.interval)
        .where(
            item.current_period_end > window.c.after,
            item.current_period_end <= window.c.upto,
            in_accounts(item.account),
            or_(
                item.unit_amount_minor.is_(None),
                item.unit_amount_minor * coalesce(item.quantity, 1) != 0,
            ),
            *((long_enough,) if by_law else ()),
            *of_item,
            is_new(key),
        )
    )


def _windows() -> TableValuedAlias:
    time = DateTime(timezone=True)
    columns: Mapping[str, TypeEngine[Any]] = {
        "number": Integer(),
        "interval": Text(),
        "days": Integer(),
        "after": time,
        "upto": time,
        "at_least": Integer(),
        "in_country": Text(),
        "in_state": Text(),
    }
    return asked_for("due_window", columns)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()
_DUE_BY_LAW = _due(by_law=True)
_DUE_BY_LAW_COUNTED = _due(_COUNTED_LONG, by_law=True)


def _effect(row: Row[Any], notice: Notice, now: datetime) -> Effect:
    renews_at = row.current_period_end
    subject = {
        "subscription": row.subscription,
        "period_end": seconds(renews_at),
        "days": str(notice.days),
    }
    due_at, expires_at = renews_at - timedelta(days=notice.days), renews_at - notice.until
    return effect(
        row, NAME, subject, due_at=due_at, about=renews_at, now=now, expires_at=expires_at
    )


def check(case: Case) -> Verdict:
    """Return why nothing renews on the day of the reminder, None when it does."""
    subscription, renews_at = case.subscription, named_instant(case, "period_end")
    if subscription is None:
        return verdict("subscription_gone")
    renewed = renewing(subscription, renews_at)
    reason = stop(subscription, renews_at, {"active"}) or (None if renewed else "date_moved")
    if reason:
        return verdict(reason)
    sold = sold_from(renewed, case.terms, renews_at)
    if sold is None:
        return RetryIn(ASK_AGAIN_S, "price_unknown")
    # A discount may take all of the price.
    return verdict("free" if net_price(sold, case.terms, renews_at).is_free else None)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name beside what renews; `card` is what will be charged."""
    subscription, renews_at = case.subscription, named_instant(case, "period_end")
    assert subscription is not None, "checked before"
    items = sold_from(renewing(subscription, renews_at), case.terms, renews_at)
    assert items is not None, "checked before"
    return {**sale(subscription, items, case.terms, renews_at), "renews_at": renews_at}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    metered = samples.ITEM_METERED
    half = Terms(discounts=(Discount(percent_off=samples.HALF),), method=samples.CARD)
    return {
        "fixed-price": _sample(policy, samples.subscription()),
        "card": _sample(policy, samples.subscription(), Terms(method=samples.CARD)),
        "discounted": _sample(policy, samples.subscription(), half),
        "metered": _sample(policy, samples.subscription(items=(metered,))),
        "both": _sample(policy, samples.subscription(items=(samples.ITEM, metered))),
        "invoiced": _sample(policy, samples.subscription(collection_method="send_invoice")),
    }


def _sample(
    policy: MailPolicy, subscription: SubscriptionFacts, terms: Terms | None = None
) -> Case:
    period_end = seconds(samples.PERIOD_END)
    subject = {"subscription": subscription.id, "period_end": period_end, "days": "3"}
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms or Terms())


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
