"""Money is on its way back: how much, and when it arrives.

Once per refund, at the first of pending or succeeded. Source: lifecycle, row 20 and rulings.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from notifications import samples
from notifications.case import Case
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.proposal import paid_by, proposal, status_before
from notifications.wording import Money
from sync.changes import Change, Effect, Skipped
from sync.mirror.objects.refund import project
from sync.mirror.shapes import Json, instant, ref

NAME = "refund_confirmed"
_UNDER_WAY = frozenset({"pending", "succeeded"})
# An authorization that ran out took no money, so nothing comes back.
_NO_MONEY = "expired_uncaptured_charge"


def plan(change: Change) -> Sequence[Effect]:
    """Return the mail for a refund that is under way, or there."""
    refund = project(change.after)
    if refund["status"] not in _UNDER_WAY or status_before(change) in _UNDER_WAY:
        return ()
    # One first seen late, when its bank's reference came in, is news no more.
    due_at = change.at if change.before else (refund["created"] or change.at)
    subject = {"refund": change.id, **paid_by(refund)}
    return [proposal(change, NAME, parts=(change.id, "confirmed"), subject=subject, due_at=due_at)]


def check(case: Case) -> Verdict:
    """Return why no money comes back, None when it does."""
    refund = case.named.get("refund")
    if refund is None:
        return Skipped("refund_gone")
    if refund.get("status") not in _UNDER_WAY:
        return Skipped(f"refund_{refund.get('status')}")
    if refund.get("reason") == _NO_MONEY:
        return Skipped("uncaptured")
    return Skipped("disputed") if _is_disputed(case, refund) else None


def _is_disputed(case: Case, refund: Json) -> bool:
    """Tell whether the money goes back through the customer's bank, which tells them itself."""
    charge = case.named.get("charge", {})
    disputed = {ref(dispute.get("charge")) for dispute in case.objects.get("dispute", ())}
    return charge.get("disputed") is True or ref(refund.get("charge")) in disputed - {None}


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `paid_at` is the payment's day, if known."""
    refund = project(case.named["refund"])
    charge = case.named.get("charge", {})
    paid_at: datetime | None = instant(charge.get("created"))
    return {
        "amount": Money(refund["amount_minor"], refund["currency"]),
        "is_part": refund["amount_minor"] < (charge.get("amount") or 0),
        "paid_at": paid_at,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    created = int(samples.NOW.timestamp()) - 86_400
    charge = {"id": "ch_sample", "object": "charge", "amount": 2900, "created": created}
    return {
        "whole": _sample(policy, {"charge": charge}),
        "part": _sample(policy, {"charge": {**charge, "amount": 5800}}),
        "payment-unknown": _sample(policy, {}),
    }


def _sample(policy: MailPolicy, named: Mapping[str, Json]) -> Case:
    refund = {
        "id": "re_sample",
        "object": "refund",
        "status": "succeeded",
        "amount": 2900,
        "currency": "usd",
        "charge": "ch_sample",
    }
    subject = {"refund": "re_sample", "charge": "ch_sample"}
    return samples.case(policy, subject=subject, named={"refund": refund, **named})


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    watches=("refund",),
    plan=plan,
    needs={"dispute": ()},
)
