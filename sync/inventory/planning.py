"""Which invoices to bring in line with the shelf after a batch of changes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sync.changes import Change, Effect
from sync.inventory.reserving import reservation_of
from sync.mirror.shapes import Json, at, integer, items_of, mappings, ref

# What to converge, as (kind of id, id); None when a change cannot matter to the shelf.
Target = tuple[str, str] | None


def plan(changes: Sequence[Change], now: datetime) -> list[Effect]:
    """Return one `state` effect per invoice, payment or parent that `changes` touch.

    A payment is resolved to its invoice, and a parent to the lines that wait for it, when the
    effect is due: here nothing is read.
    """
    effects = {}
    for change in changes:
        decide = _TARGETS.get(change.object)
        if decide and (target := decide(change)):
            effect = _effect(change, target, now)
            effects[effect.key] = effect
    return list(effects.values())


def invoice_effect(
    account: str, invoice: str, now: datetime, *, livemode: bool, event_id: str | None = None
) -> Effect:
    """Return the effect that converges one invoice; `event_id` caused it, None: a person."""
    return Effect(
        key=f"inventory:{account}:invoice:{invoice}",
        channel="inventory",
        kind="converge",
        due_at=now,
        subject={"invoice": invoice},
        account=account,
        livemode=livemode,
        shape="state",
        event_id=event_id,
    )


def _effect(change: Change, target: tuple[str, str], now: datetime) -> Effect:
    kind, object_id = target
    return Effect(
        key=f"inventory:{change.account}:{kind}:{object_id}",
        channel="inventory",
        kind="converge",
        due_at=now,
        customer_id=change.customer_id,
        subject={kind: object_id},
        account=change.account,
        livemode=change.livemode,
        shape="state",
        event_id=change.event_id,
    )


def _invoice(change: Change) -> Target:
    """A draft asks for nothing yet, unless the invoice was more than a draft before."""
    drafts = (change.after.get("status"), (change.before or change.after).get("status"))
    return None if drafts == ("draft", "draft") else ("invoice", change.id)


def _named_invoice(change: Change) -> Target:
    return _id("invoice", change.after.get("invoice"))


def _refund(change: Change) -> Target:
    return _payment(change.after)


def _charge(change: Change) -> Target:
    """A charge matters once money goes back; that it was paid, its invoice says."""
    returned = integer(change.after.get("amount_refunded")) or change.after.get("refunded")
    return _payment(change.after) if returned else None


def _payment(subject: Json) -> Target:
    return (
        _id("invoice", subject.get("invoice"))
        or _id("payment_intent", subject.get("payment_intent"))
        or _id("charge", subject.get("charge") or subject.get("id"))
    )


def _id(kind: str, value: object) -> Target:
    found = ref(value)
    return (kind, found) if found else None


def _parent(change: Change) -> Target:
    """A price or product matters to lines that wait for it, and for what it says of the stock."""
    same = change.before is not None and _marks(change.before) == _marks(change.after)
    return None if same else (change.object, change.id)


def _marks(parent: Json) -> tuple[object, ...]:
    recurring = at(parent, "recurring")
    return (parent.get("metadata"), parent.get("lookup_key"), parent.get("product"), recurring)


def _subscription(change: Change) -> Target:
    """Its items matter: a line may have come before the item that names its SKU."""
    same = change.before is not None and _items(change.before) == _items(change.after)
    return None if same else ("subscription", change.id)


def _items(subscription: Json) -> set[object]:
    return {item.get("id") for item in mappings(items_of(subscription).get("data"))}


def _session(change: Change) -> Target:
    """A checkout that is over settles what it held; one that made an invoice, with that."""
    held, status = reservation_of(change.after), change.after.get("status")
    if held is None or status not in _OVER:
        return None
    return _id("invoice", change.after.get("invoice")) or ("session", change.id)


# Expired, or complete; paid for only later by methods that take days.
_OVER = frozenset({"expired", "complete"})


_TARGETS: Mapping[str, Callable[[Change], Target]] = {
    "invoice": _invoice,
    "invoice_payment": _named_invoice,
    "credit_note": _named_invoice,
    "refund": _refund,
    "charge": _charge,
    "price": _parent,
    "product": _parent,
    "subscription": _subscription,
    "checkout.session": _session,
}
