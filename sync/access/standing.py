"""Who may use the service: decided from what Stripe says, by plain values and `now` alone.

    ok          served, and nothing is late
    grace       a payment is late, and is still being retried
    restricted  it is late for longer than that: show it in the shop, take no new orders
    suspended   stopped for want of payment: unpaid, paused or ended after failed payments
    none        nothing to have access to, and nothing to pay for: never subscribed, not begun,
                paused or ended by choice, trial over without a card

Of several subscriptions the worst living one decides, as what is owed is owed by the customer;
one that ended counts only where nothing else is alive. A payment brings everything back at
once. Invoices of no subscription, or of an ended one, never restrict anybody, and a status
that Stripe adds one day serves until we know better.

Source: reference lifecycle, section 3 (Suspension).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

State = Literal["none", "ok", "grace", "restricted", "suspended"]
STATES: tuple[State, ...] = ("none", "ok", "grace", "restricted", "suspended")
# A retry that is due may come late, and so may its event.
_RETRY_TELLS = timedelta(days=1)
# A bank debit takes so long to succeed or fail; until then an attempted invoice is not late
# (SEPA's, the slowest, see docs.stripe.com/payments/sepa-debit).
SETTLES = timedelta(days=14)
_NOT_PAID = frozenset({"first_payment_failure", "final_payment_failure"})
_OWES = frozenset({"past_due", "unpaid"})
_BEFORE_RECOVERY = frozenset({"past_due", "unpaid", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """What the shop allows, in days since a payment is late.

    `grace_days`: shall be as long as Stripe retries; a retry known to come later extends it.
    `restricted_days`: after the grace, until the shop itself suspends; None leaves that to what
    Stripe does when its retries have run out. `tells`: whether a receiver wants to know.
    """

    grace_days: int = 14
    restricted_days: int | None = None
    portal_url: str | None = None
    shop_url: str | None = None
    tells: bool = False

    @property
    def grace(self) -> timedelta:
        """Return how long a late payment takes nothing away."""
        return timedelta(days=self.grace_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An open invoice of which something remains to be paid.

    `asked_at` is when the money was due: its due date, or the first charge of one that is
    collected by itself. `attempted`: that charge was made, or would have been with a card.
    """

    id: str
    subscription: str | None
    is_sent: bool
    asked_at: datetime
    attempted: bool = True
    next_attempt: datetime | None = None
    pay_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription; `since` is when its status became what it is, `before` what it was then.

    `trialing` and `active` are one status in this. `settled_at`: when its last invoice was
    paid.
    """

    id: str
    status: str
    since: datetime | None
    before: str | None = None
    pause_cause: str | None = None
    cancellation_reason: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the mirror knows of a customer."""

    account: str
    customer_id: str
    livemode: bool
    created: datetime | None = None
    deleted_at: datetime | None = None
    subscriptions: tuple[Subscription, ...] = ()
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a customer stands.

    `until` is when time alone makes it another state, None if it does not; `look_at` the next
    instant at which it may change anything. `restored_by` is where to pay, or to come back.
    """

    state: State
    since: datetime | None
    reason: str
    until: datetime | None = None
    look_at: datetime | None = None
    restored_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one subscription says; `lives` unless it has ended or has not begun."""

    state: State
    reason: str
    since: datetime | None
    until: datetime | None = None
    lives: bool = True
    restored: bool = False


def decide(facts: Facts, now: datetime, policy: AccessPolicy) -> Access:
    """Return where the customer stands at `now`; the same facts always say the same."""
    if facts.deleted_at is not None:
        return Access(state="none", since=facts.deleted_at, reason="customer_deleted")
    parts = [_judged(each, facts.bills, now, policy) for each in facts.subscriptions]
    served = [part for part in parts if part.lives and part.state != "none"]
    if served:
        access = _worst(served, now)
    else:
        rest = [part for part in parts if part.lives] or parts
        access = _resting(rest, facts)
    return replace(access, restored_by=_way_back(access, facts, policy))


def _worst(parts: Sequence[_Part], now: datetime) -> Access:
    rank = max(STATES.index(part.state) for part in parts)
    same = [part for part in parts if STATES.index(part.state) == rank]
    first = min(same, key=lambda part: (_known(part.since, now), part.reason))
    since = _ok_since(same) if first.state == "ok" else first.since
    return Access(
        state=first.state,
        since=since,
        reason=first.reason,
        until=_earliest(part.until for part in same),
        look_at=_earliest(part.until for part in parts),
    )


def _resting(parts: Sequence[_Part], facts: Facts) -> Access:
    """Return the state of one whom nothing serves: what came last says why."""
    if not parts:
        return Access(state="none", since=facts.created, reason="never_subscribed")
    begun = [part for part in parts if part.reason != "never_started"] or parts
    last = max(begun, key=lambda part: (part.since is not None, part.since, part.reason))
    return Access(state=last.state, since=last.since, reason=last.reason)


def _judged(sub: Subscription, bills: Sequence[Bill], now: datetime, policy: AccessPolicy) -> _Part:
    match sub.status:
        case "unpaid":
            return _Part(state="suspended", reason="unpaid", since=sub.since)
        case "paused":
            return _paused(sub)
        case "canceled":
            return _ended(sub)
        case "incomplete":
            return _Part(state="none", reason="incomplete", since=sub.since)
        case "incomplete_expired":
            return _Part(state="none", reason="never_started", since=sub.since, lives=False)
        case _:
            mine = [bill for bill in bills if bill.subscription == sub.id]
            return _by_age(sub, mine, now, policy)


def _paused(sub: Subscription) -> _Part:
    if sub.pause_cause in _NOT_PAID:
        return _Part(state="suspended", reason="paused_nonpayment", since=sub.since)
    trial = sub.pause_cause == "trial_end_without_payment_method"
    return _Part(state="none", reason="trial_ended" if trial else "paused", since=sub.since)


def _ended(sub: Subscription) -> _Part:
    """Return what an end says; one for want of payment is a choice once that was paid."""
    if sub.cancellation_reason != "payment_failed":
        return _Part(state="none", reason="ended", since=sub.since, lives=False)
    if sub.settled_at is not None:
        return _Part(state="none", reason="ended", since=sub.settled_at, lives=False)
    return _Part(state="suspended", reason="ended_nonpayment", since=sub.since, lives=False)


def _by_age(sub: Subscription, bills: Sequence[Bill], now: datetime, policy: AccessPolicy) -> _Part:
    told = sub.status in _OWES
    counting = [(bill, _counts_from(bill, told=told)) for bill in bills]
    late = [bill for bill, at in counting if at is not None and at <= now]
    if late:
        ends = min(_grace_ends(bill, policy) for bill in late)
        return _late(min(bill.asked_at for bill in late), ends, now, policy)
    if told and sub.since is not None:
        return _late(sub.since, sub.since + policy.grace, now, policy)
    return _Part(
        state="grace" if told else "ok",
        reason="payment_late" if told else sub.status,
        since=sub.since,
        until=_earliest(at for _, at in counting),
        restored=sub.before in _BEFORE_RECOVERY,
    )


def _counts_from(bill: Bill, *, told: bool) -> datetime | None:
    """Return from when on a bill is late, None while nobody has asked for the money.

    A charge that was made may still be on its way through the bank, unless Stripe has said
    that it failed: by a planned retry, or by the subscription's status (`told`).
    """
    if bill.is_sent:
        return bill.asked_at
    if not bill.attempted:
        return None
    failed = told or bill.next_attempt is not None
    return bill.asked_at if failed else bill.asked_at + SETTLES


def _grace_ends(bill: Bill, policy: AccessPolicy) -> datetime:
    by_age = bill.asked_at + policy.grace
    return max(by_age, bill.next_attempt + _RETRY_TELLS) if bill.next_attempt else by_age


def _late(since: datetime, grace_ends: datetime, now: datetime, policy: AccessPolicy) -> _Part:
    if now < grace_ends:
        return _Part(state="grace", reason="payment_late", since=since, until=grace_ends)
    if policy.restricted_days is None:
        return _Part(state="restricted", reason="payment_late", since=grace_ends)
    ends = grace_ends + timedelta(days=policy.restricted_days)
    if now < ends:
        return _Part(state="restricted", reason="payment_late", since=grace_ends, until=ends)
    return _Part(state="suspended", reason="payment_late", since=ends)


def _way_back(access: Access, facts: Facts, policy: AccessPolicy) -> str | None:
    """Return where a payment, or another order, restores access; None where nothing is amiss.

    A page of Stripe's settles one invoice; for several, the customer's own page shows them all.
    """
    if access.state == "ok":
        return None
    if access.state == "none" or access.reason == "ended_nonpayment":
        return policy.shop_url
    alive = {sub.id for sub in facts.subscriptions if sub.status != "canceled"}
    owed = [bill for bill in facts.bills if bill.subscription in alive]
    page = next((bill.pay_url for bill in owed if bill.pay_url), None)
    portal = policy.portal_url
    return (portal or page) if len(owed) > 1 else (page or portal)


def _ok_since(parts: Sequence[_Part]) -> datetime | None:
    """Return since when without a break: the first beginning, or the last recovery after it."""
    recovered = [part.since for part in parts if part.restored and part.since]
    begun = _earliest(part.since for part in parts)
    return max(recovered, default=begun)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _known(since: datetime | None, now: datetime) -> datetime:
    return since or now
