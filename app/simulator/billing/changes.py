"""What customers and the shop change in a running subscription."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from app.simulator.billing.payments import charged_method, finalize, pay
from app.simulator.billing.signup import give_card
from app.simulator.history import Json
from app.simulator.objects.catalogue import plan_of
from app.simulator.objects.invoice import Bill, invoice
from app.simulator.objects.lines import Entry, invoice_item
from app.simulator.objects.subscription import NO_CANCELLATION, Period, items_field
from app.simulator.periods import share
from app.simulator.shop import Scene
from app.simulator.world import World

Proration = Literal["always_invoice", "create_prorations", "none"]
_UPDATED = "customer.subscription.updated"


def change_items(
    scene: Scene,
    subscription_id: str,
    wanted: Mapping[str, tuple[Json, int]],
    proration: Proration,
) -> None:
    """Change prices or quantities of items, by item id, in the middle of a period.

    `always_invoice` bills the difference at once, `create_prorations` with the next invoice.
    """
    world = scene.world
    before = world[subscription_id]
    entries = [] if proration == "none" else _prorations(world, before, wanted)
    changes = items_field([_changed(item, wanted) for item in before["items"]["data"]])
    with world.request():
        invoiced = _as_invoice_items(world, before, entries)
        if proration == "always_invoice":
            invoice_id = _bill_now(world, before, invoiced, changes)
        else:
            world.pending.setdefault(subscription_id, []).extend(
                str(entry.invoice_item) for entry in invoiced
            )
            world.update(subscription_id, _UPDATED, changes)
    method = charged_method(world, subscription_id)
    if proration == "always_invoice" and world[invoice_id]["status"] == "open" and method:
        world.tick(scene.rng.randrange(2))
        pay(world, invoice_id, method)


def replace_card(scene: Scene, subscription_id: str) -> str:
    """Attach a new card, charge it from now on, detach the old one; return the new id."""
    world = scene.world
    old = charged_method(world, subscription_id)
    new = give_card(scene, world[subscription_id]["customer"])
    if world[subscription_id]["default_payment_method"] is not None:
        world.update(subscription_id, _UPDATED, {"default_payment_method": new})
    if old is not None:
        world.update(old, "payment_method.detached", {"customer": None})
    return new


def cancel_later(scene: Scene, subscription_id: str, feedback: str, comment: str | None) -> None:
    """Let the customer cancel at the period's end.

    Some ways of canceling set `cancel_at_period_end`, others (the customer portal under
    flexible billing) only `cancel_at`.
    """
    world = scene.world
    end = min(item["current_period_end"] for item in world[subscription_id]["items"]["data"])
    with world.request():
        world.update(
            subscription_id,
            _UPDATED,
            {
                "cancel_at": end,
                "cancel_at_period_end": scene.rng.random() < 0.5,
                "canceled_at": world.now,
                "cancellation_details": _asked(feedback, comment),
            },
        )


def stay_after_all(world: World, subscription_id: str) -> None:
    """Take a scheduled cancellation back."""
    with world.request():
        world.update(
            subscription_id,
            _UPDATED,
            {
                "cancel_at": None,
                "cancel_at_period_end": False,
                "canceled_at": None,
                "cancellation_details": NO_CANCELLATION,
            },
        )


def end(world: World, subscription_id: str, details: Mapping[str, Any] | None = None) -> None:
    """End a subscription now; `details` are those of the cancellation, if not given before."""
    ended: dict[str, Any] = {"ended_at": world.now, "status": "canceled"}
    if world[subscription_id]["canceled_at"] is None:
        ended["canceled_at"] = world.now
    if details:
        ended["cancellation_details"] = details
    world.update(subscription_id, "customer.subscription.deleted", ended)


def cancel_now(world: World, subscription_id: str, feedback: str, comment: str | None) -> None:
    """Let the customer cancel at once."""
    with world.request():
        end(world, subscription_id, _asked(feedback, comment))


def _asked(feedback: str, comment: str | None) -> dict[str, Any]:
    reason = "cancellation_requested"
    return {"comment": comment, "feedback": feedback, "reason": reason}


def _changed(item: Json, wanted: Mapping[str, tuple[Json, int]]) -> Json:
    if item["id"] not in wanted:
        return item
    price, quantity = wanted[item["id"]]
    return {**item, "plan": plan_of(price), "price": price, "quantity": quantity}


def _prorations(
    world: World,
    subscription: Json,
    wanted: Mapping[str, tuple[Json, int]],
) -> list[Entry]:
    """Return for each changed item the credit for the old and the charge for the new."""
    entries = []
    for item in subscription["items"]["data"]:
        if item["id"] in wanted:
            old = (item["price"], item["quantity"])
            entries.append(
                _prorated(world, item, old, credited=_paid_line(world, subscription, item))
            )
            entries.append(_prorated(world, item, wanted[item["id"]], credited=None))
    return entries


def _prorated(
    world: World,
    item: Json,
    what: tuple[Json, int],
    credited: Json | None,
) -> Entry:
    price, quantity = what
    start, finish = item["current_period_start"], item["current_period_end"]
    amount = share(price["unit_amount"] * quantity, finish - world.now, finish - start)
    day = datetime.fromtimestamp(world.now, UTC).strftime("%d %b %Y")
    kind = "Remaining time on" if credited is None else "Unused time on"
    name = world[price["product"]]["name"]
    return Entry(
        price=price,
        item_id=item["id"],
        amount=amount if credited is None else -amount,
        quantity=quantity,
        description=f"{kind} {quantity} × {name} after {day}",  # noqa: RUF001 — Stripe writes it so
        period=Period(world.now, finish),
        proration=True,
        credited=credited,
    )


def _paid_line(world: World, subscription: Json, item: Json) -> Json:
    """Return which line of the latest invoice a credit for this item undoes."""
    latest = world[subscription["latest_invoice"]]
    price_id = item["price"]["id"]
    lines = [
        line["id"]
        for line in latest["lines"]["data"]
        if line["pricing"]["price_details"]["price"] == price_id and line["amount"] > 0
    ]
    return {"invoice": latest["id"], "invoice_line_items": lines}


def _as_invoice_items(world: World, subscription: Json, entries: list[Entry]) -> list[Entry]:
    noted = []
    for entry in entries:
        made = invoice_item(world, subscription["customer"], subscription["id"], entry)
        world.create(made, "invoiceitem.created")
        noted.append(replace(entry, invoice_item=made["id"]))
    return noted


def _bill_now(
    world: World,
    subscription: Json,
    entries: list[Entry],
    changes: Mapping[str, Any],
) -> str:
    """Invoice prorations at once, along with the change itself; return the invoice's id."""
    bill = Bill(
        billing_reason="subscription_update",
        entries=entries,
        period_start=world.now,
        period_end=world.now,
    )
    made = invoice(world, world[subscription["customer"]], subscription, bill)
    world.update(subscription["id"], _UPDATED, {**changes, "latest_invoice": made["id"]})
    world.create(made, "invoice.created")
    finalize(world, made["id"])
    return str(made["id"])
