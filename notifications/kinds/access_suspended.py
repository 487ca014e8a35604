"""Payment failed for good, but the subscription is still there: what stops, and how to pay.

Stripe says so, or the shop's own patience is at its end (ACCESS_RESTRICTED_DAYS): one mail for one
suspension, whichever comes first. One that has ended gets its own mail only.
Source: lifecycle, row 13 and rulings.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select
from sqlalchemy.dialects.postgresql import distinct_on

from notifications import samples
from notifications.case import Case
from notifications.keys import is_new, key_column
from notifications.kind import MOST_AT_ONCE, Kind, Verdict
from notifications.notices import AFTER, UPTO, in_accounts
from notifications.notices import epoch as in_seconds
from notifications.policy import MailPolicy
from notifications.proposal import epoch, proposal
from notifications.subscribed import UNPAID_PAUSES, plans, stands_still
from notifications.timing import TIMINGS
from notifications.wording import Money
from sync.access.tables import ACCESS, HISTORY
from sync.changes import Change, Effect, RetryIn, Skipped
from sync.mirror.facts import pause_cause, paused_at
from sync.mirror.objects.invoice import project
from sync.mirror.objects.subscription import TABLE
from sync.mirror.shapes import Json

NAME = "access_suspended"
_ASK_AGAIN_S = 60.0
# What `evergreen.access` says of one whom time alone has suspended: see `sync.access.standing`.
_BY_TIME = "payment_late"


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a subscription that stops because it was not paid."""
    if not _is_suspended(change.after) or (change.before and _is_suspended(change.before)):
        return ()
    since: datetime = paused_at(change.after) or change.at
    parts, subject = (change.id, epoch(since)), {"subscription": change.id}
    return [proposal(change, NAME, parts=parts, subject=subject, due_at=since)]


def _is_suspended(subscription: Json) -> bool:
    return subscription.get("status") == "unpaid" or pause_cause(subscription) in UNPAID_PAUSES


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails for customers whom time has suspended and who have none yet."""
    window = {"after": now - TIMINGS[NAME].lives, "upto": now}
    rows = conn.execute(_DUE, {**window, "accounts": sorted(policy.accounts)})
    return [_effect(row) for row in rows]


def _due() -> Select[Any]:
    """Return the query for the oldest unpaid subscription of each: one mail tells it."""
    sub, stands = TABLE.c, ACCESS.c
    since = stands.since.label("since")
    key = key_column(TABLE, NAME, (sub.id, in_seconds(stands.since)))
    same = and_(stands.account == sub.account, stands.customer_id == sub.customer)
    oldest = (
        select(key.label("key"), sub.id, sub.account, sub.livemode, sub.customer, since)
        .ext(distinct_on(sub.account, sub.customer))
        .join_from(TABLE, ACCESS, same)
        .where(
            sub.status == "past_due",
            sub.deleted_at.is_(None),
            stands.state == "suspended",
            stands.reason == _BY_TIME,
            stands.since > AFTER,
            stands.since <= UPTO,
            in_accounts(sub.account),
        )
        .order_by(sub.account, sub.customer, sub.created, sub.id)
        .cte("oldest")
    )
    return select(oldest).where(is_new(oldest.c.key)).limit(MOST_AT_ONCE)


# Built once: the scan runs every minute, and for every stop of a simulated clock.
_DUE = _due()


def _effect(row: Row[Any]) -> Effect:
    return Effect(
        key=row.key,
        channel="mail",
        kind=NAME,
        account=row.account,
        livemode=row.livemode,
        customer_id=row.customer,
        subject={"subscription": row.id, "cause": _BY_TIME},
        due_at=row.since,
        expires_at=TIMINGS[NAME].expires_at(row.since),
    )


def read(conn: Connection, case: Case) -> datetime | None:
    """Return since when the customer has been suspended without a break; None: they are not."""
    step, who = HISTORY.c, case.customer
    mine = (step.customer_id == who.id, step.account == who.account)
    newest = select(step.state, step.since).where(*mine).order_by(step.id.desc()).limit(1)
    row = conn.execute(newest).one_or_none()
    return row.since if row and row.state == "suspended" else None


def check(case: Case) -> Verdict:
    """Return why it does not stop, or has stopped for good; None while payment brings it back."""
    subscription = case.subscription
    if subscription is None:
        return Skipped("subscription_gone")
    if not subscription.is_live:
        return Skipped("ended")
    lasts = case.read is not None if "cause" in case.subject else stands_still(subscription)
    return _told_before(case) if lasts else Skipped("recovered")


def _told_before(case: Case) -> Verdict:
    """Return whether a mail about this subscription has told of the same suspension."""
    about, since = case.subject["subscription"], case.read
    if not isinstance(since, datetime):
        return None
    told = [
        mail
        for mail in case.mails
        if mail.subject.get("subscription") == about and mail.at >= since
    ]
    if any(mail.state == "sending" for mail in told):
        return RetryIn(_ASK_AGAIN_S, "is_being_sent")
    return Skipped("told_before") if any(mail.went_out for mail in told) else None


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `amount` is unset where no invoice is open."""
    owed = [row for row in map(project, case.objects.get("invoice", ())) if _is_owed(row, case)]
    total_minor = sum(row["amount_remaining_minor"] for row in owed)
    return {
        "plans": plans(case.subscription),
        "amount": Money(total_minor, owed[0]["currency"]) if owed else None,
        "is_several": len(owed) > 1,
    }


def _is_owed(invoice: Mapping[str, Any], case: Case) -> bool:
    return (
        invoice["subscription"] == case.subject["subscription"]
        and invoice["status"] == "open"
        and (invoice["amount_remaining_minor"] or 0) > 0
    )


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "one-invoice": _sample(policy, _open("in_sample")),
        "two-invoices": _sample(policy, _open("in_sample"), _open("in_sample_2")),
        "nothing-open": _sample(policy),
    }


def _open(invoice_id: str) -> Json:
    return {
        "id": invoice_id,
        "object": "invoice",
        "status": "open",
        "currency": "usd",
        "amount_remaining": 2900,
        "parent": {"subscription_details": {"subscription": "sub_sample"}},
    }


def _sample(policy: MailPolicy, *invoices: Json) -> Case:
    subscription = samples.subscription(status="unpaid")
    return samples.case(
        policy,
        subject={"subscription": subscription.id},
        subscription=subscription,
        objects={"invoice": invoices},
    )


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("subscription",),
    plan=plan,
    scan=scan,
    reads=read,
    recalls=(NAME,),
    needs={"invoice": ("open",)},
)
