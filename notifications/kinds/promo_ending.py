"""A discount or an introductory price ends soon: what it was, and what it will be.

Source: lifecycle, row 3 and notice windows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Index,
    Row,
    Select,
    and_,
    cast,
    extract,
    func,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.sql.functions import coalesce

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
from notifications.phases import ASK_AGAIN_S, sold_from
from notifications.policy import MailPolicy
from notifications.proposal import epoch as seconds
from notifications.subscribed import net_price, sale
from notifications.terms import Terms
from notifications.timing import TIMINGS
from notifications.wording import Price
from sync.changes import Effect, RetryIn
from sync.history.amounts import Discount
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.discount import TABLE as DISCOUNTS
from sync.mirror.objects.subscription import ITEMS, TABLE

NAME = "promo_ending"
_STATUSES = ("active",)
_MOMENT = timedelta(seconds=1)
# A paid introductory offer (Stripe's trial offers); a free trial has its own mail.
_TRIAL_ENDS = cast(ITEMS.c.data["current_trial", "end_date"].astext, BigInteger)

Index(
    "discounts_ends_at_idx",
    DISCOUNTS.c.ends_at,
    postgresql_where=text("ends_at IS NOT NULL AND deleted_at IS NULL"),
)
Index(
    "subscription_items_current_trial_idx",
    _TRIAL_ENDS,
    postgresql_where=ITEMS.c.data["current_trial", "end_date"].astext.is_not(None),
)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the notices that fall due until shortly after `now` and are not yet recorded."""
    rows = conn.execute(_DUE, ahead(NAME, now, policy))
    # What two discounts that end at once are on is one notice.
    return list({row.key: _effect(row, now, policy) for row in rows}.values())


def _due() -> Select[Any]:
    ends = union_all(_discounts(), _trials()).cte("ends")
    who = lives_in(ends.c.customer, ends.c.account).lateral("who")
    found = select(ends, who).join_from(ends, who, true(), isouter=True)
    return found.order_by(ends.c.ends_at, ends.c.key).limit(MOST_AT_ONCE)


def _discounts() -> Select[Any]:
    """Return the query for discounts that end: on items, on subscriptions, on all of a customer."""
    off, sub = DISCOUNTS.c, TABLE.c
    subject = coalesce(off.subscription_item, sub.id)
    key = key_column(TABLE, NAME, (subject, epoch(off.ends_at)))
    return _wanted(key, off.ends_at, subject, _discounted(), off.ends_at).where(
        off.ends_at.is_not(None), off.deleted_at.is_(None)
    )


def _discounted() -> Any:
    off, sub, item = DISCOUNTS.c, TABLE.c, ITEMS.c
    of_item = select(item.subscription).where(
        item.id == off.subscription_item, item.account == off.account
    )
    named = coalesce(off.subscription, of_item.limit(1).scalar_subquery())
    narrow = (off.subscription, off.subscription_item, off.invoice, off.invoice_item)
    on_all = and_(
        sub.customer == off.customer,
        off.checkout_session.is_(None),
        *(each.is_(None) for each in narrow),
    )
    return DISCOUNTS.join(TABLE, and_(sub.account == off.account, or_(sub.id == named, on_all)))


def _trials() -> Select[Any]:
    """Return the query for introductory offers that end."""
    item, sub = ITEMS.c, TABLE.c
    ends_at = func.to_timestamp(_TRIAL_ENDS)
    key = key_column(ITEMS, NAME, (item.id, epoch(ends_at)))
    same = and_(sub.id == item.subscription, sub.account == item.account)
    bounds = (cast(extract("epoch", bound), BigInteger) for bound in (AFTER, UPTO))
    after, upto = bounds
    return _wanted(key, ends_at, item.id, ITEMS.join(TABLE, same), ends_at).where(
        item.data["current_trial", "end_date"].astext.is_not(None),
        after < _TRIAL_ENDS,
        upto >= _TRIAL_ENDS,
    )


def _wanted(
    key: ColumnElement[str],
    ends_at: ColumnElement[Any],
    subject: ColumnElement[Any],
    source: Any,
    about: ColumnElement[Any],
) -> Select[Any]:
    sub = TABLE.c
    columns = (sub.id, sub.account, sub.livemode, sub.customer)
    return (
        select(key.label("key"), *columns, ends_at.label("ends_at"), subject.label("subject"))
        .select_from(source)
        .where(
            about > AFTER,
            about <= UPTO,
            sub.status.in_(_STATUSES),
            goes_on(about),
            in_accounts(sub.account),
            is_new(key),
        )
    )


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime, policy: MailPolicy) -> Effect:
    subject = {"subscription": row.id, "ends_at": seconds(row.ends_at)}
    on_item = {} if row.subject == row.id else {"item": row.subject}
    due_at = due_before(row, NAME, row.ends_at, policy, now)
    return effect(row, NAME, {**subject, **on_item}, due_at=due_at, about=row.ends_at, now=now)


def check(case: Case) -> Verdict:
    """Return why the price stays as it is, None when it goes up."""
    subscription, ends_at = case.subscription, named_instant(case, "ends_at")
    if subscription is None:
        return verdict("subscription_gone")
    reason = _stop(subscription, case.terms, ends_at)
    if reason:
        return verdict(reason)
    old, new = _prices(subscription, case.terms, ends_at)
    if old is None or new is None:
        return RetryIn(ASK_AGAIN_S, "price_unknown")
    known = case.terms.is_complete and not _introductory(subscription, ends_at)
    return verdict("price_unchanged" if known and old == new else None)


def _stop(subscription: SubscriptionFacts, terms: Terms, ends_at: datetime) -> str | None:
    reason = stop(subscription, ends_at, _STATUSES)
    if reason or _introductory(subscription, ends_at):
        return reason
    is_there = any(off.ends_at == ends_at for off in _all_discounts(terms))
    return None if is_there else "date_moved"


def _introductory(subscription: SubscriptionFacts, ends_at: datetime) -> bool:
    return any(item.trial_ends_at == ends_at for item in subscription.items)


def _all_discounts(terms: Terms) -> Iterator[Discount]:
    yield from (*terms.discounts, *terms.of_customer)
    for on_item in terms.of_items.values():
        yield from on_item


def _prices(
    subscription: SubscriptionFacts, terms: Terms, ends_at: datetime
) -> tuple[Price | None, Price | None]:
    """Return the price with what ends, and the one without; None while it is not known yet."""
    until, then = (_price(subscription, terms, at) for at in (ends_at - _MOMENT, ends_at))
    return until, then


def _price(subscription: SubscriptionFacts, terms: Terms, at: datetime) -> Price | None:
    items = sold_from(subscription.items, terms, at)
    return net_price(items, terms, at) if items else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `price` is the one to come.

    `old_price` is unset where it is not known. `price` of an introductory offer is, too: what
    follows on it, Stripe tells with the offer only.
    """
    subscription, ends_at = case.subscription, named_instant(case, "ends_at")
    assert subscription is not None, "checked before"
    items = sold_from(subscription.items, case.terms, ends_at)
    assert items is not None, "checked before"
    sold = sale(subscription, items, case.terms, ends_at)
    old, new = _prices(subscription, case.terms, ends_at)
    if _introductory(subscription, ends_at):
        return {**sold, "ends_at": ends_at, "old_price": old, "price": None, "is_offer": True}
    known = old if old != new else None
    return {**sold, "ends_at": ends_at, "old_price": known, "is_offer": False}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    item, metered = samples.ITEM, samples.ITEM_METERED
    offer = replace(item, trial_ends_at=samples.PERIOD_END)
    return {
        "discount": _sample(policy),
        "coupon-unknown": _sample(policy, percent=0),
        "both": _sample(policy, items=(item, metered)),
        "offer": _sample(policy, items=(offer,), percent=0),
        "invoiced": _sample(policy, collection_method="send_invoice"),
    }


def _sample(policy: MailPolicy, *, percent: int = 50, **changed: Any) -> Case:
    subscription = samples.subscription(**changed)
    off = Discount(percent_off=samples.HALF * percent / 50, ends_at=samples.PERIOD_END)
    subject = {"subscription": subscription.id, "ends_at": seconds(samples.PERIOD_END)}
    terms = Terms(discounts=(off,), is_complete=percent > 0, method=samples.CARD)
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
