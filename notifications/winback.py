"""What all mails that ask somebody back have in common: who left when, and who is left alone.

Source: lifecycle, rows 22 and 23, section 2 and rulings.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    Text,
    any_,
    bindparam,
    literal,
    select,
    union_all,
)
from sqlalchemy.sql.functions import coalesce

from notifications.case import Case, Needs
from notifications.keys import is_new, key_column
from notifications.kind import LOOK_AHEAD, MOST_AT_ONCE
from notifications.timing import TIMINGS
from notifications.wording import Money
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.subscription import TABLE

# What `stops` wants to see of the customer.
NEEDS: Needs = {"charge": ("succeeded",), "dispute": (), "radar.early_fraud_warning": ()}


# Why somebody left, empty where they did not say.
FEEDBACK = coalesce(TABLE.c.cancellation_feedback, "")


def ended(kind: str, reason: str, each: Mapping[int, ColumnElement[bool]]) -> Select[Any]:
    """Return the query for ends for `reason`, by each day on which some mail is due.

    `each`: day after the end -> on which ends something follows on that day.
    """
    each_day = [
        _ended(kind, reason, days, wanted).limit(MOST_AT_ONCE) for days, wanted in each.items()
    ]
    return select(union_all(*(query.subquery().select() for query in each_day)).subquery())


def _ended(kind: str, reason: str, days: int, asked: ColumnElement[bool]) -> Select[Any]:
    sub, age, use_by = TABLE.c, timedelta(days=days), TIMINGS[kind].lives
    now = bindparam("now", type_=DateTime(timezone=True))
    key = key_column(TABLE, kind, (sub.id, literal(str(days), Text)))
    columns = (sub.id, sub.account, sub.livemode, sub.customer, sub.ended_at)
    wanted = select(
        key.label("key"), *columns, sub.cancellation_feedback, literal(days).label("days")
    ).where(
        sub.ended_at > now - (age + use_by),
        sub.ended_at <= now - (age - LOOK_AHEAD),
        sub.status == "canceled",
        sub.cancellation_reason == reason,
        asked,
        sub.account == any_(bindparam("accounts", type_=ARRAY(Text))),
        is_new(key),
    )
    return wanted.order_by(sub.ended_at, sub.id)


def stops(case: Case, reason: str, other_reason: str) -> Iterator[tuple[str, bool]]:
    """Yield why somebody is not asked back, each with whether it holds.

    `other_reason`: what it is called when the subscription did not end for `reason`.
    """
    left = case.subscription
    yield "subscription_gone", left is None
    assert left is not None, "the line above ended it"
    charges = case.objects.get("charge", ())
    disputed = any(charge.get("disputed") for charge in charges)
    yield "resubscribed", any(other.is_live for other in case.subscriptions)
    yield other_reason, left.cancellation_reason != reason
    yield "newer_end", any(_ended_after(other, left) for other in case.subscriptions)
    yield "disputed", disputed or bool(case.objects.get("dispute"))
    yield "fraud", bool(case.objects.get("radar.early_fraud_warning"))
    yield "refunded", any(charge.get("refunded") is True for charge in charges)


def _ended_after(other: SubscriptionFacts, left: SubscriptionFacts) -> bool:
    """Tell whether the customer's last goodbye was another: only that one is answered."""
    if other.ended_at is None or left.ended_at is None:
        return False
    return (other.ended_at, other.id) > (left.ended_at, left.id)


def offered(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name of the offer; all unset where there is none."""
    offer = case.offer
    amount = (
        Money(offer.amount_off_minor, offer.currency)
        if offer and offer.amount_off_minor and offer.currency
        else None
    )
    return {
        "code": offer.code if offer else None,
        "code_expires_at": offer.expires_at if offer else None,
        "percent_off": _percent(offer.percent_off) if offer and offer.percent_off else None,
        "amount_off": amount,
        # For how long: None for the first payment only, 0 for ever.
        "months": offer.months if offer else None,
    }


def _percent(percent_off: Decimal) -> str:
    """Return a percentage without needless zeros, such as 12.5."""
    return f"{percent_off.normalize():f}"
