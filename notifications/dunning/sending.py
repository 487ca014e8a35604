"""When a step of a campaign is due: still owing? now or later? and what its mail may say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifications.case import Case, Json, Mail, Needs
from notifications.dunning.campaign import hold_until
from notifications.dunning.messages import STEPS
from notifications.endings import why_not_owed
from notifications.kind import Verdict
from notifications.subscribed import card_name, plan_names
from notifications.terms import Method
from notifications.wording import Money, printable
from sync.changes import RetryIn, Skipped
from sync.mirror.facts import SubscriptionFacts
from sync.mirror.objects.invoice import project
from sync.mirror.shapes import at, instant, string

NEEDS: Needs = {
    "invoice": ("open",),
    "charge": ("pending", "failed"),
    "payment_intent": ("processing",),
    "payment_method": (),
}
RECALLS = STEPS
# A bank debit is on its way for days, and only then succeeds or fails.
_ASK_AGAIN_S = 3600.0
_ON_ITS_WAY_S = 60.0
# Not begun: completing the first payment is the checkout's business.
_SUBSCRIPTION_STOPS = {
    "canceled": "canceled",
    "incomplete": "checkout",
    "incomplete_expired": "checkout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One open invoice of a campaign."""

    id: str
    number: str | None
    amount: Money
    created: datetime | None
    next_attempt: datetime | None
    subscription: str | None


def check_step(kind: str) -> Callable[[Case], Verdict]:
    """Return what decides a due mail of `kind`: why it goes out never, later, or None for now."""

    def check(case: Case) -> Verdict:
        owed = debts(case, kind)
        if not owed:
            return Skipped(_why_none(case, kind))
        if _is_processing(case, owed):
            return RetryIn(_ASK_AGAIN_S, "payment_processing")
        if kind != "action_required" and _new_method_is_tried(case, owed):
            return Skipped("new_method_pending")
        return _held(case, kind, owed)

    return check


def live_invoices(case: Case, kind: str = "") -> Sequence[tuple[str, str]]:
    """Return the invoices that Stripe is asked about once more before the mail goes out."""
    return [("invoice", debt.id) for debt in debts(case, kind)]


def debts(case: Case, kind: str = "") -> tuple[Debt, ...]:
    """Return what the campaign is still about, oldest first."""
    ours = case.subject["invoices"].split(",")
    found = (each for each in case.objects.get("invoice", ()) if each["id"] in ours)
    owed = (debt for each in found if (debt := _debt(each)))
    return tuple(each for each in owed if not _stopped(_subscription(case, each), kind))


def _debt(invoice: Json) -> Debt | None:
    now = project(invoice)
    if now["status"] != "open" or not (now["amount_remaining_minor"] or 0) > 0:
        return None
    return Debt(
        id=str(invoice["id"]),
        number=now["number"],
        amount=Money(now["amount_remaining_minor"], now["currency"]),
        created=now["created"],
        next_attempt=now["next_payment_attempt"],
        subscription=now["subscription"],
    )


def _subscription(case: Case, debt: Debt) -> SubscriptionFacts | None:
    known = (*case.subscriptions, *filter(None, (case.subscription,)))
    return next((each for each in known if each.id == debt.subscription), None)


def _stopped(subscription: SubscriptionFacts | None, kind: str) -> str | None:
    """Return why nobody is written to about this subscription's invoices.

    What the bank asks of the customer is worth telling also to somebody who will leave.
    """
    if subscription is None:
        return None
    if subscription.status in _SUBSCRIPTION_STOPS:
        return _SUBSCRIPTION_STOPS[subscription.status]
    if subscription.pause_collection_behavior:
        return "collection_paused"
    return "cancel_set" if subscription.cancel_is_set and kind != "action_required" else None


def _why_none(case: Case, kind: str) -> str:
    return why_not_owed(case.invoice) or _stopped(case.subscription, kind) or "not_open"


def _is_processing(case: Case, owed: Sequence[Debt]) -> bool:
    """Tell whether money is on its way: then nothing has failed yet, or no more."""
    pending = [each for each in case.objects.get("charge", ()) if each.get("status") == "pending"]
    under_way = (*pending, *case.objects.get("payment_intent", ()))
    since = min((debt.created for debt in owed if debt.created), default=None)
    return any(since is None or _created(each) >= since for each in under_way)


def _new_method_is_tried(case: Case, owed: Sequence[Debt]) -> bool:
    """Tell whether Stripe will soon charge a method that has not failed yet."""
    planned = [debt.next_attempt for debt in owed if debt.next_attempt]
    if not any(attempt > case.now for attempt in planned):
        return False
    failed = [_created(each) for each in _failures(case)]
    created = [debt.created for debt in owed if debt.created]
    since = max([*failed, *created], default=None)
    methods = case.objects.get("payment_method", ())
    return since is not None and any(_created(each) > since for each in methods)


def _failures(case: Case) -> Iterator[Json]:
    return (each for each in case.objects.get("charge", ()) if each.get("status") == "failed")


def _created(each: Json) -> datetime:
    return instant(each.get("created")) or datetime.fromtimestamp(0, UTC)


def _held(case: Case, kind: str, owed: Sequence[Debt]) -> Verdict:
    """Wait for a retry that is near, and for a day after the mail before."""
    mails = _campaign_mails(case)
    if any(mail.state == "sending" for mail in mails):
        return RetryIn(_ON_ITS_WAY_S, "is_being_sent")
    attempts = [debt.next_attempt for debt in owed if debt.next_attempt]
    until = hold_until(
        kind,
        case.now,
        next_attempt=min(attempts, default=None),
        last_mail_at=max((mail.at for mail in mails if mail.went_out), default=None),
        terminal_at=_terminal_at(case),
    )
    if until is None:
        return None
    return RetryIn((until - case.now).total_seconds(), "step_moved")


def _campaign_mails(case: Case) -> list[Mail]:
    campaign = case.subject["campaign"]
    return [mail for mail in case.mails if mail.subject.get("campaign") == campaign]


def _terminal_at(case: Case) -> datetime:
    return datetime.fromtimestamp(int(case.subject["terminal"]), UTC)


def context(case: Case, kind: str = "") -> Mapping[str, Any]:
    """Return what the templates of all steps may name; `kind` as for `check_step`.

    `copy` chooses the words (see `segments`); no template knows the bank's code. `next_attempt`
    is the day of the next charge; `is_last_attempt` says that Stripe plans none. Both are unset
    while a planned charge is just being made. `ends_at` is unset once it has passed.
    """
    owed = debts(case, kind)
    assert owed, "checked before"
    first = owed[0]
    planned = min((debt.next_attempt for debt in owed if debt.next_attempt), default=None)
    # A charge that Stripe still plans comes before the end, whatever our copy of its window says.
    ends_at = max(filter(None, (_terminal_at(case), planned)))
    return {
        "step": int(case.subject.get("step", "0")),
        "copy": case.subject["copy"],
        "tone": case.subject["tone"],
        "amount": _total(owed),
        "plans": plan_names([item for each in _about(case, owed) for item in each.items]),
        "invoice_numbers": [printable(debt.number) for debt in owed if debt.number],
        "next_attempt": planned if planned and planned > case.now else None,
        "is_last_attempt": planned is None,
        "card": _card(case, owed) if case.subject["copy"] == "card" else None,
        "ends_at": ends_at if ends_at > case.now else None,
        "is_subscribed": first.subscription is not None,
        "terminal_action": case.policy.dunning_terminal_action,
    }


def _total(owed: Sequence[Debt]) -> Money:
    """Return what is owed in the currency of the oldest invoice."""
    currency = owed[0].amount.currency
    same = (debt.amount.amount_minor for debt in owed if debt.amount.currency == currency)
    return Money(sum(same), currency)


def _about(case: Case, owed: Sequence[Debt]) -> list[SubscriptionFacts]:
    found = {each.id: each for debt in owed if (each := _subscription(case, debt))}
    return list(found.values())


def _card(case: Case, owed: Sequence[Debt]) -> str | None:
    """Return the card that was refused for `owed`, such as "Visa ••4242"."""
    since = min((debt.created for debt in owed if debt.created), default=None)
    refused = [each for each in _failures(case) if since is None or _created(each) >= since]
    last = max(refused, key=_created, default=None)
    card = at(last, "payment_method_details", "card") if last else None
    return card_name(
        Method(id="", brand=string(at(card, "brand")), last4=string(at(card, "last4")))
    )
