"""One customer's failed invoices, read from the mirror as the campaign wants to see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row

from notifications.dunning.bills import RECOVERED, Bill, Outcome
from notifications.dunning.campaign import Refusal, View
from notifications.dunning.declines import NO_METHOD, segment_of
from notifications.dunning.payments import Attempt, code_of, how_paid, refusal_of
from notifications.dunning.queries import BILLS, CHARGES, HAS_METHOD, INTENTS, STANDING, TOLD
from notifications.dunning.segments import REPEAT_WITHIN, Standing
from sync.mirror import facts
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.payments import load_intents
from sync.mirror.shapes import at

_CHECKOUT = frozenset({"incomplete", "incomplete_expired"})
# Who ended a subscription whose payment was due: `payment_failed` and what is not told are lost
# for want of payment.
_LEFT = frozenset({"cancellation_requested", "payment_disputed"})


@dataclass(frozen=True, slots=True)
class Who:
    """A customer of one account."""

    account: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What events alone tell: when a charge first failed, when the bank last asked, renewals."""

    failed_at: Mapping[str, datetime]
    asked_at: Mapping[str, datetime]
    renewed_at: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at one customer: the view of each campaign by its id, 0 for what is in none."""

    views: Mapping[int, View]
    livemode: bool


def load(conn: Connection, who: Who, campaigns: Sequence[int], now: datetime) -> Seen:
    """Return how the invoices of `campaigns`, and those in none yet, stand now."""
    about = {"account": who.account, "customer": who.customer_id}
    rows = conn.execute(BILLS, {**about, "campaigns": list(campaigns)}).all()
    if not rows:
        return Seen({}, livemode=False)
    attempts, intents_asking = _attempts(conn, who, rows)
    told = _told(conn, who, rows, attempts)
    subscriptions = {
        each.id: each for each in facts.load_subscriptions(conn, who.account, who.customer_id)
    }
    bills: dict[int, list[Bill]] = {}
    for row in rows:
        subscription = subscriptions.get(row.subscription or "")
        if subscription is None or subscription.status not in _CHECKOUT:
            bill = _bill(row, subscription, attempts[row.id], told)
            bills.setdefault(row.campaign or 0, []).append(bill)
    asked = {**told.asked_at, **intents_asking}
    owed = [bill.id for group in bills.values() for bill in group if bill.is_open]
    refusal = _refusal(conn, about, owed, attempts, asked)
    standing = _standing(conn, about, now)
    views = {
        campaign: View(bills=tuple(group), refusal=refusal, standing=standing)
        for campaign, group in bills.items()
    }
    return Seen(views, livemode=rows[0].livemode)


def _attempts(
    conn: Connection, who: Who, rows: Sequence[Row[Any]]
) -> tuple[dict[str, list[Attempt]], dict[str, datetime]]:
    """Return the attempts on each invoice, oldest first, and since when its bank asks."""
    since = min(row.created or row.as_of for row in rows)
    about = {"account": who.account, "customer": who.customer_id, "since": since}
    charges = conn.execute(CHARGES, about).all()
    intents = conn.execute(INTENTS, about).all()
    named = load_intents(conn, who.account, {row.id: row.data for row in rows})
    made_at = {charge.id: charge.created for charge in charges}
    attempts: dict[str, list[Attempt]] = {}
    asking: dict[str, datetime] = {}
    for row in rows:
        mine = [each for each in intents if each.id in named[row.id] or each.invoice == row.id]
        ids = {each.id for each in mine} | named[row.id]
        tried = [each for each in charges if each.payment_intent in ids or each.invoice == row.id]
        told = [_told_by_intent(each, made_at) for each in mine if each.code or each.decline_code]
        attempts[row.id] = sorted([*map(_attempt, tried), *told], key=lambda each: each.at)
        waits = [each.as_of for each in mine if each.status == "requires_action"]
        asking |= {row.id: max(waits)} if waits else {}
    return attempts, asking


def _attempt(charge: Row[Any]) -> Attempt:
    return Attempt(
        at=charge.created,
        status=charge.status or "",
        code=code_of(charge.outcome_reason, charge.failure_code),
        advice_code=charge.advice_code,
        method=charge.payment_method,
        fingerprint=charge.card_fingerprint,
    )


def _told_by_intent(intent: Row[Any], made_at: Mapping[str, datetime]) -> Attempt:
    """Return the attempt that an intent remembers; its charge may come later."""
    return Attempt(
        at=made_at.get(intent.latest_charge or "") or intent.as_of,
        status="failed",
        code=code_of(intent.decline_code, intent.code),
        advice_code=intent.advice_code,
    )


def _told(
    conn: Connection,
    who: Who,
    rows: Sequence[Row[Any]],
    attempts: Mapping[str, Sequence[Attempt]],
) -> Told:
    methods = {each.method for group in attempts.values() for each in group if each.method}
    wanted = [*(row.id for row in rows), *sorted(methods)]
    found = conn.execute(TOLD, {"account": who.account, "objects": wanted}).all()

    def of(type_: str) -> list[Row[Any]]:
        return [row for row in found if row.type == type_]

    return Told(
        failed_at={row.object_id: row.first_at for row in of("invoice.payment_failed")},
        asked_at={row.object_id: row.last_at for row in of("invoice.payment_action_required")},
        renewed_at={
            row.object_id: row.last_at for row in of("payment_method.automatically_updated")
        },
    )


def _bill(
    row: Row[Any],
    subscription: SubscriptionFacts | None,
    attempts: Sequence[Attempt],
    told: Told,
) -> Bill:
    outcome, ended_at = _ending(row, subscription, attempts, told)
    failed = [each.at for each in attempts if each.status == "failed"]
    owed_minor = row.owed_minor if row.owed_minor is not None else row.amount_remaining_minor
    return Bill(
        id=row.id,
        currency=row.currency or "",
        owed_minor=owed_minor or 0,
        failed_at=row.failed_at or min([told.failed_at.get(row.id, row.as_of), *failed]),
        seen_at=row.as_of,
        next_attempt=row.next_payment_attempt if outcome is None else None,
        outcome=outcome,
        ended_at=ended_at,
        recovered_minor=(
            min(row.amount_paid_minor or 0, owed_minor or 0) if outcome in RECOVERED else 0
        ),
    )


def _ending(
    row: Row[Any],
    subscription: SubscriptionFacts | None,
    attempts: Sequence[Attempt],
    told: Told,
) -> tuple[Outcome | None, datetime | None]:
    """Return how an invoice ended and when; nothing while it is open and its service runs."""
    if row.status == "paid" or (row.status == "open" and not row.amount_remaining_minor):
        off_stripe = bool(
            row.data.get("paid_out_of_band") or row.data.get("amount_paid_off_stripe")
        )
        cause = how_paid(attempts, off_stripe=off_stripe, renewed=told.renewed_at)
        return cause, row.paid_at or row.as_of
    if row.status == "void" or row.deleted_at is not None:
        voided_at = row.voided_at or row.deleted_at or row.as_of
        # Tidying up after the end forgives nothing: the customer was lost before.
        if subscription and subscription.ended_at and subscription.ended_at <= voided_at:
            return _who_ended(subscription), subscription.ended_at
        return "forgiven", voided_at
    if row.status == "uncollectible":
        return _written_off(row, subscription), row.marked_uncollectible_at or row.as_of
    if subscription is not None and subscription.status == "canceled":
        return _who_ended(subscription), subscription.ended_at or row.as_of
    return None, None


def _written_off(row: Row[Any], subscription: SubscriptionFacts | None) -> Outcome:
    if at(row.data, "status_details", "uncollectible", "reason") == "user_forgiven":
        return "forgiven"
    return _who_ended(subscription) if subscription else "lost_passive"


def _who_ended(subscription: SubscriptionFacts) -> Outcome:
    return "lost_active" if subscription.cancellation_reason in _LEFT else "lost_passive"


def _refusal(
    conn: Connection,
    about: Mapping[str, str],
    owed: Sequence[str],
    attempts: Mapping[str, Sequence[Attempt]],
    asked_at: Mapping[str, datetime],
) -> Refusal | None:
    """Return the newest word of the bank on what is open; also that there was nothing to ask."""
    tried = sorted((each for bill in owed for each in attempts[bill]), key=lambda each: each.at)
    asked = max((asked_at[bill] for bill in owed if bill in asked_at), default=None)
    found = refusal_of(tried, asked)
    if found is None and owed and not tried and conn.execute(HAS_METHOD, about).scalar() is False:
        since = datetime.fromtimestamp(0, tz=UTC)
        return Refusal(segment=segment_of(NO_METHOD), at=since, code=NO_METHOD)
    return found


def _standing(conn: Connection, about: Mapping[str, str], now: datetime) -> Standing:
    wanted = {**about, "since": now - REPEAT_WITHIN, "recovered": sorted(RECOVERED)}
    row = conn.execute(STANDING, wanted).one()
    return Standing(
        paid_invoices=row.paid_invoices,
        recoveries=row.recoveries,
        failing_cycles=row.failing_cycles,
        valuable=row.valuable,
    )
