"""A customer who left by choice is asked back, once or twice, by the reason given.

Source: lifecycle, row 23 and rulings.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row

from notifications import samples, winback
from notifications.case import Case
from notifications.keys import effect_key
from notifications.kind import Kind, Verdict
from notifications.kinds import winback_task
from notifications.notices import verdict
from notifications.policy import MailPolicy
from notifications.subscribed import plans
from notifications.timing import TIMINGS
from sync.changes import Effect

NAME = "winback_voluntary"
REASON = "cancellation_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What follows on one reason to leave: which text, how many days after the end.

    `human_first`: somebody was unhappy with us, so a person answers, and soon; no mail does.
    """

    text: str = "generic"
    days: tuple[int, ...] = (30, 60)
    human_first: bool = False


_GENERIC = Series()
_HUMAN_FIRST = Series(days=(1,), human_first=True)
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
# Every day on which some series has a mail.
_DAYS = sorted({day for series in (*SERIES.values(), _GENERIC) for day in series.days})


def series_for(feedback: str | None) -> Series:
    """Return what follows on `feedback`."""
    return SERIES.get(feedback or "", _GENERIC)


def _on(days: int) -> ColumnElement[bool]:
    """Return the condition that something follows on that day; a reason not named is generic."""
    by_default = days in _GENERIC.days
    others = [said for said, series in SERIES.items() if (days in series.days) != by_default]
    return winback.FEEDBACK.not_in(others) if by_default else winback.FEEDBACK.in_(others)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = winback.ended(NAME, REASON, {days: _on(days) for days in _DAYS})


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails that fall due until shortly after `now` and are not yet recorded."""
    wanted = {"now": now, "accounts": sorted(policy.accounts)}
    rows = conn.execute(_DUE, wanted).all()
    return [effect for row in rows for effect in _effects(row)]


def _effects(row: Row[Any]) -> Iterator[Effect]:
    """Yield the mail, and for whom was unhappy with us a task for a person in its place."""
    due_at = row.ended_at + timedelta(days=row.days)
    mail = Effect(
        key=row.key,
        channel="mail",
        kind=NAME,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={"subscription": row.id, "days": str(row.days)},
        due_at=due_at,
        expires_at=TIMINGS[NAME].expires_at(due_at),
    )
    if not series_for(row.cancellation_feedback).human_first:
        yield mail
        return
    # First, as nothing looks for it any more once the mail's own key is there.
    yield replace(
        mail,
        key=effect_key(row.account, livemode=row.livemode, kind=winback_task.NAME, parts=(row.id,)),
        kind=winback_task.NAME,
        subject={"subscription": row.id, "feedback": row.cancellation_feedback},
        expires_at=TIMINGS[winback_task.NAME].expires_at(due_at),
    )
    yield replace(mail, skip_reason="human_first")


def check(case: Case) -> Verdict:
    """Return why this customer is not asked back, None when they are."""
    found = winback.stops(case, REASON, "not_voluntary")
    return verdict(next((reason for reason, holds in found if holds), None))


def wants_offer(case: Case) -> bool:
    """Tell whether this mail may hold an offer: for whom the price did not suit."""
    ended = case.subscription
    return ended is not None and series_for(ended.cancellation_feedback).text == "price"


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `text` is the series' words, by the reason given."""
    ended = case.subscription
    assert ended is not None, "checked before"
    series = series_for(ended.cancellation_feedback)
    days = int(case.subject["days"])
    return {
        "text": series.text,
        "is_last": days == series.days[-1],
        "is_first": days == series.days[0],
        "plans": plans(ended),
        "ended_at": ended.ended_at,
        **winback.offered(case),
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    price = _sample(policy, 30, "too_expensive")
    return {
        "generic": _sample(policy, 30, None),
        "price": price,
        "price-with-offer": replace(price, offer=samples.OFFER),
        "unused": _sample(policy, 30, "unused"),
        "news": _sample(policy, 30, "missing_features"),
        "switched": _sample(policy, 30, "switched_service"),
        "last": _sample(policy, 60, None),
    }


def _sample(policy: MailPolicy, days: int, feedback: str | None) -> Case:
    ended = samples.subscription(
        status="canceled",
        ended_at=samples.NOW - timedelta(days=days),
        cancellation_reason=REASON,
        cancellation_feedback=feedback,
    )
    subject = {"subscription": ended.id, "days": str(days)}
    return samples.case(policy, subject=subject, subscription=ended)


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    needs=winback.NEEDS,
    wants_offer=wants_offer,
)
