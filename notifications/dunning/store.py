"""Campaigns follow the mirror: in the transaction that changed it, and with time."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, text, tuple_, update

from notifications.dunning import clicks, facts, recorded, rows
from notifications.dunning.bills import RECOVERED, Outcome
from notifications.dunning.campaign import Campaign, View, begin, thanks_for
from notifications.dunning.campaign import follow as followed
from notifications.dunning.facts import Who
from notifications.dunning.messages import Whom, mails, thanks
from notifications.dunning.queries import COUNT_THRESHOLDS
from notifications.dunning.tables import CAMPAIGN, INVOICE, THRESHOLD
from notifications.policy import MailPolicy
from sync.changes import Change, Effect
from sync.mirror.shapes import ref

# What may tell of a failure, of its reason, or of its end.
_WATCHED = frozenset(
    {"invoice", "invoice_payment", "payment_intent", "charge", "subscription", "payment_method"}
)
# What tells by what an invoice was paid may come after the payment itself.
_CLEARS_UP = timedelta(days=3)
# A campaign given up, or written off, may still be paid.
_REVISED_FOR = timedelta(days=90)
_LOOK_AGAIN = timedelta(hours=6)
_LOOKS_AT_ONCE = 200
_COUNT_AGAIN = timedelta(hours=24)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 1))")
_NOTHING = View(bills=())


def follow(
    conn: Connection, changes: Sequence[Change], policy: MailPolicy, now: datetime
) -> list[Effect]:
    """Bring the campaigns of everybody in `changes` up to date; return the mails to record.

    Runs in the transaction that changed the mirror, before the outbox takes the mails. `now`
    is business time. The same changes again do nothing.
    """
    ours = [c for c in changes if c.object in _WATCHED and c.account in policy.accounts]
    people = _failing(ours) | _in_campaigns(conn, ours, now)
    return look_at(conn, people, policy, now)


def look_at(
    conn: Connection, people: Iterable[Who], policy: MailPolicy, now: datetime
) -> list[Effect]:
    """Bring the campaigns of `people` up to date; return the mails to record."""
    ordered = sorted(set(people), key=lambda who: (who.account, who.customer_id))
    return [effect for who in ordered for effect in _look(conn, who, policy, now)]


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> list[Effect]:
    """Return what time alone brings: campaigns past their end, and who stands out by value."""
    _count_thresholds(conn, now, policy)
    late = (
        select(CAMPAIGN.c.account, CAMPAIGN.c.customer_id)
        .where(
            CAMPAIGN.c.closed_at.is_(None),
            CAMPAIGN.c.terminal_at <= now,
            CAMPAIGN.c.looked_at <= now - _LOOK_AGAIN,
            CAMPAIGN.c.account.in_(policy.accounts),
        )
        .order_by(CAMPAIGN.c.terminal_at)
        .limit(_LOOKS_AT_ONCE)
    )
    return look_at(conn, [Who(*row) for row in conn.execute(late)], policy, now)


def _failing(changes: Sequence[Change]) -> set[Who]:
    """Return the customers of open invoices that were charged, as far as the change shows."""
    return {
        Who(change.account, change.customer_id)
        for change in changes
        if change.object == "invoice"
        and change.customer_id
        and change.after.get("attempt_count")
        and change.after.get("status", "open") == "open"
    }


def _in_campaigns(conn: Connection, changes: Sequence[Change], now: datetime) -> set[Who]:
    """Return whom of `changes` a campaign is about, or was until just now.

    What happens to a campaign's own invoice counts for ever.
    """
    customers = {(c.account, c.customer_id) for c in changes if c.customer_id}
    invoices = {(c.account, _invoice_of(c)) for c in changes if c.object.startswith("invoice")}
    if not customers and not invoices:
        return set()
    alive = or_(CAMPAIGN.c.closed_at.is_(None), CAMPAIGN.c.closed_at > now - _CLEARS_UP)
    named = tuple_(INVOICE.c.account, INVOICE.c.invoice).in_(sorted(invoices))
    theirs = or_(
        and_(tuple_(CAMPAIGN.c.account, CAMPAIGN.c.customer_id).in_(sorted(customers)), alive),
        CAMPAIGN.c.id.in_(select(INVOICE.c.campaign).where(named)),
    )
    found = select(CAMPAIGN.c.account, CAMPAIGN.c.customer_id).where(theirs)
    return {Who(*row) for row in conn.execute(found)}


def _invoice_of(change: Change) -> str:
    return change.id if change.object == "invoice" else ref(change.after.get("invoice")) or ""


def _look(conn: Connection, who: Who, policy: MailPolicy, now: datetime) -> list[Effect]:
    """Bring one customer's campaigns up to date, one worker at a time."""
    conn.execute(_LOCK, {"who": f"{who.account}:{who.customer_id}"})
    stored = _stored(conn, who, now)
    known = rows.load(conn, stored)
    seen = facts.load(conn, who, [campaign.id for campaign in known], now)
    livemode = stored[0].livemode if stored else seen.livemode
    whom = Whom(account=who.account, livemode=livemode, customer_id=who.customer_id)
    new = seen.views.get(0)
    effects: list[Effect] = []
    for campaign in known:
        view = seen.views.get(campaign.id, _NOTHING)
        joined = _joined(view, new) if campaign.closed_at is None else view
        effects += _follow_one(conn, whom, campaign, joined, now)
    if all(campaign.closed_at for campaign in known) and new and _any_open(new):
        effects += _begin(conn, whom, new, policy, now)
    return effects


def _stored(conn: Connection, who: Who, now: datetime) -> Sequence[Row[Any]]:
    """Return the open campaign and those that ended lately, the oldest first."""
    recent = or_(CAMPAIGN.c.closed_at.is_(None), CAMPAIGN.c.closed_at > now - _REVISED_FOR)
    mine = select(CAMPAIGN).where(
        CAMPAIGN.c.account == who.account, CAMPAIGN.c.customer_id == who.customer_id, recent
    )
    return conn.execute(mine.order_by(CAMPAIGN.c.id)).all()


def _joined(view: View, new: View | None) -> View:
    if new is None:
        return view
    return replace(new, bills=(*view.bills, *new.bills))


def _any_open(view: View) -> bool:
    return any(bill.is_open for bill in view.bills)


def _begin(
    conn: Connection, whom: Whom, view: View, policy: MailPolicy, now: datetime
) -> list[Effect]:
    draft = begin(0, view, timedelta(days=policy.dunning_window_days), now)
    campaign = replace(draft, id=rows.number(conn, whom, draft, now))
    rows.save(conn, whom.account, campaign, now)
    return [_on_record(effect, now) for effect in mails(whom, campaign)]


def _on_record(effect: Effect, now: datetime) -> Effect:
    """Record what came to us too late as what it is."""
    late = effect.expires_at is not None and effect.expires_at <= now
    return replace(effect, skip_reason="too_late") if late else effect


def _follow_one(
    conn: Connection, whom: Whom, before: Campaign, view: View, now: datetime
) -> list[Effect]:
    after = followed(before, view, now)
    rows.save(conn, whom.account, after, now)
    _credit(conn, after)
    if before.closed_at is not None:
        return []
    closed = after.outcome is not None
    new = recorded.follow_plan(
        conn,
        whom,
        after.id,
        planned=list(mails(whom, before)),
        wanted=list(mails(whom, after)),
        reason=_reason(after.outcome) if closed else recorded.REPLANNED,
    )
    return [*new, *(_thanks(conn, whom, after, now) if closed else ())]


def _thanks(conn: Connection, whom: Whom, campaign: Campaign, now: datetime) -> list[Effect]:
    bill = thanks_for(campaign)
    if bill is None or not recorded.any_warning_left(conn, whom, campaign.id):
        return []
    return [thanks(whom, campaign, bill, now)]


def _reason(outcome: Outcome | None) -> str:
    if outcome in RECOVERED:
        return "paid"
    return "forgiven" if outcome == "forgiven" else "lost"


def _credit(conn: Connection, campaign: Campaign) -> None:
    """Name the mail that may claim the recovery: whose link was followed before the money came."""
    if campaign.outcome not in RECOVERED or campaign.closed_at is None:
        return
    key = clicks.credited(conn, campaign.id, campaign.closed_at)
    conn.execute(update(CAMPAIGN).where(CAMPAIGN.c.id == campaign.id).values(credited_key=key))


def _count_thresholds(conn: Connection, now: datetime, policy: MailPolicy) -> None:
    counted_at = conn.execute(select(func.max(THRESHOLD.c.counted_at))).scalar()
    if counted_at is None or counted_at <= now - _COUNT_AGAIN:
        conn.execute(COUNT_THRESHOLDS, {"now": now, "accounts": sorted(policy.accounts)})
