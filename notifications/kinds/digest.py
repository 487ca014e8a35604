"""What the mails did since yesterday, for marketing: daily at 08:00 in the account's zone.

A day without news has no digest, and routine is no news (see `Figures.is_news`); on Mondays one
comes anyway, so that silence means trouble.
Source: lifecycle, row 25.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, select

from notifications import digest_figures, samples
from notifications.case import Case
from notifications.digest_figures import Counted, Figures, Leaver, Sum
from notifications.keys import effect_key
from notifications.kind import LOOK_AHEAD, Kind, Verdict
from notifications.policy import MailPolicy
from notifications.timing import TIMINGS
from notifications.wording import Money, name_to_greet
from sync.changes import Effect, Skipped
from sync.store.outbox import OUTBOX

NAME = "digest"
_AT = time(8)
_HEARTBEAT = 0  # Monday
_DAY = timedelta(days=1)


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the digests that fall due until shortly after `now` and are not yet recorded."""
    if policy.marketing_inbox is None:
        return ()
    wanted = {effect.key: effect for effect in _around(now, policy)}
    known = conn.execute(select(OUTBOX.c.key).where(OUTBOX.c.key.in_(wanted))).scalars().all()
    return [effect for key, effect in wanted.items() if key not in known]


def _around(now: datetime, policy: MailPolicy) -> Iterator[Effect]:
    """Yield the digests that are still of use or fall due before the next look."""
    lives = TIMINGS[NAME].lives
    day = (now - lives).astimezone(policy.zone).date()
    while (due_at := _due(day, policy)) <= now + LOOK_AHEAD:
        if due_at > now - lives:
            yield _effect(day, due_at, policy)
        day += _DAY


def _due(day: date, policy: MailPolicy) -> datetime:
    return datetime.combine(day, _AT, tzinfo=policy.zone).astimezone(UTC)


def _effect(day: date, due_at: datetime, policy: MailPolicy) -> Effect:
    livemode = policy.livemode is True
    return Effect(
        key=effect_key("", livemode=livemode, kind=NAME, parts=(day.isoformat(),)),
        channel="mail",
        kind=NAME,
        livemode=livemode,
        subject={"date": day.isoformat()},
        due_at=due_at,
        expires_at=TIMINGS[NAME].expires_at(due_at),
    )


def read(conn: Connection, case: Case) -> Figures:
    """Return the figures from the digest before until this one."""
    day, policy = date.fromisoformat(case.subject["date"]), case.policy
    return digest_figures.load(
        conn,
        _due(day - _DAY, policy),
        _due(day, policy),
        accounts=policy.accounts,
        livemode=policy.livemode,
    )


def check(case: Case) -> Verdict:
    """Return why there is no digest today, None when there is."""
    monday = date.fromisoformat(case.subject["date"]).weekday() == _HEARTBEAT
    return None if monday or _figures(case).is_news else Skipped("nothing_to_tell")


def _figures(case: Case) -> Figures:
    figures = case.read
    assert isinstance(figures, Figures), "read with the case"
    return figures


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name: the figures, and the days they are about."""
    figures = _figures(case)
    return {
        "figures": figures,
        "sent_count": sum(one.count for one in figures.sent),
        "skipped_count": sum(one.count for one in figures.skipped),
        "leavers": [(_who(leaver), _why(leaver)) for leaver in figures.left],
        "more_left": figures.left_count - len(figures.left),
    }


def _who(leaver: Leaver) -> str:
    return ", ".join(filter(None, (name_to_greet(leaver.name), leaver.customer_id)))


def _why(leaver: Leaver) -> str:
    return ", ".join(filter(None, (leaver.reason, leaver.feedback)))


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    empty = Figures(since=samples.NOW - _DAY, until=samples.NOW)
    full = replace(
        empty,
        sent=(Counted(name="receipt", count=12), Counted(name="payment failed", count=3)),
        skipped=(Counted(name="paid", count=2), Counted(name="opted out", count=1)),
        clicked=2,
        recovered=(
            Sum(amount=Money(5800, "usd"), count=2),
            Sum(amount=Money(2900, "thb"), count=1),
        ),
        at_risk=(Sum(amount=Money(2900, "usd"), count=1),),
        left=(
            Leaver(
                customer_id="cus_sample",
                name="Ada Lovelace",
                reason="cancellation requested",
                feedback="too expensive",
            ),
        ),
        left_count=3,
        unknown=1,
        bounced=2,
        render_failures=1,
        failures=2,
    )
    subject = {"date": samples.NOW.date().isoformat()}
    return {
        "full": samples.case(policy, subject=subject, read=full),
        "empty": samples.case(policy, subject=subject, read=empty),
    }


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    reads=read,
    to_marketing=True,
)
