"""The card that will be charged next expires before: please save another in time.

First at ten in the morning, in the account's zone, on the 1st of the month before the card's
last; then a week before the first renewal after its last day. Stripe has no event for this, so
the mirror is looked through; a card that its bank's updater renews shows a new date there.
Source: lifecycle, row 8 and rulings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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
    cast,
    func,
    null,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.sql.expression import TableValuedAlias
from sqlalchemy.sql.functions import coalesce
from sqlalchemy.types import TypeEngine

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.notices import (
    asked_for,
    costs,
    effect,
    first_renewal,
    free,
    goes_on,
    in_accounts,
    stop,
    verdict,
)
from notifications.policy import MailPolicy
from notifications.subscribed import card_name, plans
from notifications.terms import Terms
from notifications.timing import TIMINGS
from sync.changes import Effect
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects import customer, payment_method
from sync.mirror.objects.subscription import TABLE

NAME = "card_expiring"
FIRST, SECOND = 1, 2
AT_HOUR = 10
BEFORE_RENEWAL = timedelta(days=7)
# A charge later than this after the card's last day is no reason to write yet.
CHARGE_WITHIN = timedelta(days=60)
_STATUSES = ("active", "past_due", "trialing")
# From the end of a card's last day back to its middle: one date in all but the farthest zones.
_NOON = timedelta(hours=12)
# A subscription that renews this often surely does so within `CHARGE_WITHIN`.
_OFTEN = timedelta(days=32)

Index(
    "payment_methods_expiry_idx",
    payment_method.TABLE.c.card_exp_year,
    payment_method.TABLE.c.card_exp_month,
    postgresql_include=["id", "account", "livemode", "customer"],
    postgresql_where=text("customer IS NOT NULL AND card_exp_year IS NOT NULL"),
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month as cards bear it; a card is good until its last day is over."""

    year: int
    month: int

    def after(self, months: int) -> "Month":
        """Return the month so many months later, or earlier."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def begins(self, zone: ZoneInfo, hour: int = 0) -> datetime:
        """Return the beginning of the month in `zone`, at `hour` of its first day."""
        return datetime(self.year, self.month, 1, hour, tzinfo=zone).astimezone(UTC)

    def ends(self, zone: ZoneInfo) -> datetime:
        """Return the instant at which the card's last day is over."""
        return self.after(1).begins(zone)

    def __str__(self) -> str:
        return f"{self.year:04}{self.month:02}"


def parsed(yyyymm: str) -> Month:
    """Return the month that a key or subject names."""
    return Month(int(yyyymm[:4]), int(yyyymm[4:]))


def first_due(month: Month, zone: ZoneInfo) -> datetime:
    """Return when the first mail about a card of that month is due."""
    return month.after(-1).begins(zone, AT_HOUR)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails that fall due until shortly after `now` and are not yet recorded."""
    looks = list(_looks(now, policy.zone))
    columns = {name: [getattr(look, name) for look in looks] for name in _Look.__slots__}
    rows = conn.execute(_DUE, {**columns, "accounts": sorted(policy.accounts)})
    found: dict[str, Effect] = {}
    for row in rows:  # the earliest renewal of several comes first, and its mail counts
        found.setdefault(row.key, _effect(row, now, policy.zone))
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Look:
    """One month's cards to look through, and in which time their next renewal must lie."""

    n: int
    year: int
    month: int
    ends_at: datetime
    after: datetime
    upto: datetime


def _looks(now: datetime, zone: ZoneInfo) -> Iterator[_Look]:
    margin = TIMINGS[NAME].margin or timedelta(0)
    here = now.astimezone(zone)
    for month in (Month(here.year, here.month).after(n) for n in range(-3, 3)):
        ends_at = month.ends(zone)
        latest = ends_at + CHARGE_WITHIN
        if first_due(month, zone) <= now + LOOK_AHEAD and now < ends_at - margin:
            yield _Look(FIRST, month.year, month.month, ends_at, now, latest)
        upto = min(latest, now + BEFORE_RENEWAL + LOOK_AHEAD)
        after = max(ends_at, now + margin)
        if after < upto:
            yield _Look(SECOND, month.year, month.month, ends_at, after, upto)


def _due() -> Select[Any]:
    """Return the query for cards of those months that a subscription will be charged to."""
    card = _cards().cte("card").prefix_with("MATERIALIZED")
    sub, who = TABLE.c, customer.TABLE.c
    theirs = and_(sub.customer == card.c.customer, sub.account == card.c.account)
    # What an old subscription's own source is, `check` sees.
    charged = coalesce(sub.default_payment_method, who.default_payment_method, who.default_source)
    paid = (
        select(sub.id.label("subscription"), sub.current_period_end.label("renews_at"))
        .join_from(TABLE, customer.TABLE, and_(who.id == sub.customer, who.account == sub.account))
        .where(
            theirs,
            charged == card.c.id,
            sub.status.in_(_STATUSES),
            coalesce(sub.collection_method, "charge_automatically") == "charge_automatically",
            _is_charged_in_time(card.c),
            goes_on(sub.current_period_end),
            costs(),
        )
        .order_by(sub.current_period_end, sub.id)
        .limit(1)
        .lateral("paid")
    )
    nowhere = null().label("country"), null().label("state")
    found = select(card, paid, *nowhere).join_from(card, paid, true())
    return found.order_by(paid.c.renews_at, card.c.key).limit(MOST_AT_ONCE)


def _is_charged_in_time(card: Any) -> ColumnElement[bool]:
    sub = TABLE.c
    period = sub.current_period_end - sub.current_period_start
    in_time = and_(sub.current_period_end >= card.ends_at, sub.current_period_end <= card.upto)
    # An earlier renewal, and after it another that is still in time.
    before = and_(
        sub.current_period_end < card.ends_at,
        or_(period.is_(None), period <= _OFTEN, sub.current_period_end + period <= card.upto),
    )
    first = and_(
        sub.current_period_end > card.after,
        sub.current_period_end <= card.upto,
        or_(sub.current_period_start.is_(None), sub.current_period_start < card.ends_at),
    )
    return or_(
        and_(card.n == FIRST, or_(in_time, before)),
        and_(card.n == SECOND, first),
    )


def _cards() -> Select[Any]:
    card, look = payment_method.TABLE.c, _months()
    yyyymm = func.to_char(look.c.year * 100 + look.c.month, "FM000000")
    key = key_column(payment_method.TABLE, NAME, (card.id, yyyymm, cast(look.c.n, Text)))
    cards = (
        select(key.label("key"), card.id, card.account, card.livemode, card.customer)
        .where(
            card.card_exp_year == look.c.year,
            card.card_exp_month == look.c.month,
            card.customer.is_not(None),
            card.card_exp_year.is_not(None),
            in_accounts(card.account),
        )
        # Month by month through the index: a join would read all cards.
        .offset(0)
        .lateral("cards")
    )
    return select(cards, look).join_from(look, cards, true()).where(is_new(cards.c.key))


def _months() -> TableValuedAlias:
    number, time = Integer(), DateTime(timezone=True)
    columns: Mapping[str, TypeEngine[Any]] = {
        "n": number,
        "year": number,
        "month": number,
        "ends_at": time,
        "after": time,
        "upto": time,
    }
    return asked_for("look", columns)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], now: datetime, zone: ZoneInfo) -> Effect:
    month = Month(row.year, row.month)
    subject = {
        "subscription": row.subscription,
        "payment_method": row.id,
        "expires": str(month),
        "step": str(row.n),
    }
    if row.n == FIRST:
        return effect(
            row, NAME, subject, due_at=first_due(month, zone), about=month.ends(zone), now=now
        )
    due_at = row.renews_at - BEFORE_RENEWAL
    return effect(row, NAME, subject, due_at=due_at, about=row.renews_at, now=now)


def check(case: Case) -> Verdict:
    """Return why this card need not be replaced now, None when it must."""
    subscription = case.subscription
    if subscription is None:
        return verdict("subscription_gone")
    return verdict(_card_stop(case) or _charge_stop(case, subscription))


def _card_stop(case: Case) -> str | None:
    method = case.terms.method
    if method is None or method.id != case.subject["payment_method"]:
        return "method_changed"
    if Month(method.exp_year or 0, method.exp_month or 1) != parsed(case.subject["expires"]):
        return "card_updated"
    return None


def _charge_stop(case: Case, subscription: SubscriptionFacts) -> str | None:
    ends_at = parsed(case.subject["expires"]).ends(case.policy.zone)
    charged_at = first_renewal(subscription, ends_at)
    if charged_at is None or charged_at > ends_at + CHARGE_WITHIN:
        return "no_charge_soon"
    if subscription.collection_method == "send_invoice":
        return "not_charged"
    reason = stop(subscription, charged_at, _STATUSES) or free(subscription.items)
    return reason or _wrong_step(case, charged_at)


def _wrong_step(case: Case, charged_at: datetime) -> str | None:
    """Return why the other of the two mails is the one to send, None where this one is."""
    late = case.now >= charged_at - BEFORE_RENEWAL
    if case.subject["step"] == str(FIRST):
        return "second_is_due" if late else None
    return None if late else "date_moved"


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `last_day` is the card's, `charged_at` comes after."""
    subscription, zone = case.subscription, case.policy.zone
    assert subscription is not None, "checked before"
    ends_at = parsed(case.subject["expires"]).ends(zone)
    return {
        "card": card_name(case.terms.method),
        "plans": plans(subscription),
        "last_day": ends_at - _NOON,
        "has_expired": case.now >= ends_at,
        "charged_at": first_renewal(subscription, ends_at),
        "is_last": case.subject["step"] == str(SECOND),
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    today = date(samples.NOW.year, samples.NOW.month, 1)
    past = Month(today.year, today.month).after(-1)
    return {
        "first": _sample(policy, FIRST, Month(2026, 12)),
        "second": _sample(policy, SECOND, Month(2026, 12)),
        "expired": _sample(policy, SECOND, past),
        "no-plan-name": _sample(policy, FIRST, Month(2026, 12), items=(samples.ITEM_METERED,)),
    }


def _sample(policy: MailPolicy, step: int, month: Month, **changed: Any) -> Case:
    card = replace(samples.CARD, exp_year=month.year, exp_month=month.month)
    subscription = samples.subscription(**changed)
    subject = {
        "subscription": subscription.id,
        "payment_method": card.id,
        "expires": str(month),
        "step": str(step),
    }
    terms = Terms(method=card)
    return samples.case(policy, subject=subject, subscription=subscription, terms=terms)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
)
