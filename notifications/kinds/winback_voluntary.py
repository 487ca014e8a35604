"""A customer who left by choice is asked back, once or twice, by the reason given.

Source: lifecycle, row 23 and rulings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    Connection,
    DateTime,
    Row,
    Select,
    Text,
    any_,
    bindparam,
    literal,
    select,
    union_all,
)
from sqlalchemy.sql.functions import coalesce

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE, Kind, Verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from sync.changes import Effect, Skipped
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import TABLE

NAME = "winback_voluntary"
USE_BY = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What follows on one reason to leave: which text, how many days after the end.

    `human_first`: somebody was unhappy with us, so a person answers before any mail does.
    """

    text: str = "generic"
    days: tuple[int, ...] = (30, 60)
    human_first: bool = False


_GENERIC = Series()
_HUMAN_FIRST = Series(days=(30,), human_first=True)
# By Stripe's cancellation_details.feedback; a reason not named here is generic.
SERIES: Mapping[str, Series] = MappingProxyType(
    {
        "too_expensive": Series(text="price"),
        "unused": Series(text="unused"),
        "missing_features": Series(text="news"),
        "switched_service": Series(days=(30,)),
        "low_quality": _HUMAN_FIRST,
        "customer_service": _HUMAN_FIRST,
    }
)
# Every day on which some series has a mail, and who has none on it. All other reasons do.
_DAYS = sorted({day for series in (*SERIES.values(), _GENERIC) for day in series.days})


def series_for(feedback: str | None) -> Series:
    """Return what follows on `feedback`."""
    return SERIES.get(feedback or "", _GENERIC)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails that fall due until shortly after `now` and are not yet recorded."""
    wanted = {"now": now, "accounts": sorted(policy.accounts)}
    return [_effect(row, row.days) for row in conn.execute(_DUE, wanted)]


def _due() -> Select[Any]:
    """Return the query for ends by choice, by each day on which some series has a mail."""
    each_day = [_ended(days).limit(MOST_AT_ONCE) for days in _DAYS]
    return select(union_all(*(query.subquery().select() for query in each_day)).subquery())


def _ended(days: int) -> Select[Any]:
    sub, age = TABLE.c, timedelta(days=days)
    now = bindparam("now", type_=DateTime(timezone=True))
    key = key_column(TABLE, NAME, (sub.id, literal(str(days), Text)))
    silent = [feedback for feedback, series in SERIES.items() if days not in series.days]
    columns = (sub.id, sub.account, sub.livemode, sub.customer, sub.ended_at)
    wanted = select(
        key.label("key"), *columns, sub.cancellation_feedback, literal(days).label("days")
    ).where(
        sub.ended_at > now - (age + USE_BY),
        sub.ended_at <= now - (age - LOOK_AHEAD),
        sub.status == "canceled",
        sub.cancellation_reason == "cancellation_requested",
        coalesce(sub.cancellation_feedback, "").not_in(silent),
        sub.account == any_(bindparam("accounts", type_=ARRAY(Text))),
        is_new(key),
    )
    return wanted.order_by(sub.ended_at, sub.id)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any], days: int) -> Effect:
    due_at = row.ended_at + timedelta(days=days)
    return Effect(
        key=row.key,
        channel="mail",
        kind=NAME,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={"subscription": row.id, "days": str(days)},
        due_at=due_at,
        expires_at=due_at + USE_BY,
        skip_reason="human_first" if series_for(row.cancellation_feedback).human_first else None,
    )


def check(case: Case) -> Verdict:
    """Return why this customer is not asked back, None when they are."""
    reason = next((reason for reason, holds in _stops(case) if holds), None)
    return Skipped(reason) if reason else None


def _stops(case: Case) -> Iterator[tuple[str, bool]]:
    ended = case.subscription
    yield "subscription_gone", ended is None
    assert ended is not None, "the line above ended it"
    charges = case.objects.get("charge", ())
    disputed = any(charge.get("disputed") for charge in charges)
    yield "resubscribed", any(other.is_live for other in case.subscriptions)
    yield "not_voluntary", ended.cancellation_reason != "cancellation_requested"
    yield "newer_end", any(_ended_after(other, ended) for other in case.subscriptions)
    yield "disputed", disputed or bool(case.objects.get("dispute"))
    # The last money we took was given back whole: whoever got that is not asked back.
    yield "refunded", bool(charges) and charges[-1].get("refunded") is True
    yield "no_shop_url", case.policy.shop_url is None


def _ended_after(other: SubscriptionFacts, ended: SubscriptionFacts) -> bool:
    """Tell whether the customer's last goodbye was another: only that one is answered."""
    if other.ended_at is None or ended.ended_at is None:
        return False
    return (other.ended_at, other.id) > (ended.ended_at, ended.id)


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `text` is the series' words, by the reason given."""
    ended = case.subscription
    assert ended is not None, "checked before"
    series = series_for(ended.cancellation_feedback)
    days = int(case.subject["days"])
    return {
        "text": series.text,
        "is_last": days == series.days[-1],
        "plans": plans(ended),
        "ended_at": ended.ended_at,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "generic": _sample(policy, 30, None),
        "price": _sample(policy, 30, "too_expensive"),
        "unused": _sample(policy, 30, "unused"),
        "news": _sample(policy, 30, "missing_features"),
        "switched": _sample(policy, 30, "switched_service"),
        "last": _sample(policy, 60, None),
    }


def _sample(policy: MailPolicy, days: int, feedback: str | None) -> Case:
    ended = samples.subscription(
        status="canceled",
        ended_at=samples.NOW - timedelta(days=days),
        cancellation_reason="cancellation_requested",
        cancellation_feedback=feedback,
    )
    subject = {"subscription": ended.id, "days": str(days)}
    # Without it the mail is never sent, but it can be looked at.
    shown = replace(policy, shop_url=policy.shop_url or "https://shop.example")
    return samples.case(shown, subject=subject, subscription=ended)


KIND = Kind(
    name=NAME,
    category="marketing",
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    needs={"charge": ("succeeded",), "dispute": ()},
)
