"""What every period brings: the notice, the new period, the invoice and its payment."""

from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from app.simulator.billing import discounts
from app.simulator.billing.payments import (
    charged_method,
    finalize,
    pay,
    pay_out_of_band,
    subscription_of,
)
from app.simulator.history import Json, Story
from app.simulator.objects.catalogue import is_metered, plan_of
from app.simulator.objects.invoice import Bill, invoice
from app.simulator.objects.lines import Entry, period_entries, usage_entries
from app.simulator.objects.subscription import Period, items_field
from app.simulator.periods import DAY, HOUR, next_end
from app.simulator.shop import Scene
from app.simulator.world import World

NOTHING: Mapping[str, str] = MappingProxyType({})
_NOTICE = 7 * DAY  # the account's setting for `invoice.upcoming`
_PREVIEW_HAS_NOT = frozenset(
    {"id", "auto_advance", "hosted_invoice_url", "invoice_pdf", "latest_revision"},
)


def period_end(subscription: Json) -> int:
    """Return when the current period of a subscription's items ends."""
    return int(min(item["current_period_end"] for item in subscription["items"]["data"]))


def renew(scene: Scene, subscription_id: str) -> Generator[int, None, str]:
    """Wait for the period's end and renew with success; return the invoice's id."""
    invoice_id = yield from next_invoice(scene, subscription_id)
    yield from collect(scene, invoice_id)
    return invoice_id


def keep_renewing(scene: Scene, subscription_id: str, times: int | None = None) -> Story:
    """Renew so many times in a row; without an end when `times` is None."""
    done = 0
    while times is None or done < times:
        yield from renew(scene, subscription_id)
        done += 1


def next_invoice(
    scene: Scene,
    subscription_id: str,
    prices: Mapping[str, str] = NOTHING,
) -> Generator[int, None, str]:
    """Wait for the period's end, announce it before, and return the new draft's id.

    `prices` are those that items, by id, have from then on.
    """
    world = scene.world
    end = period_end(world[subscription_id])
    if world.now < end - _NOTICE:
        yield end - _NOTICE
        world.announce_preview(_preview(world, subscription_id, prices), "invoice.upcoming")
    yield end + scene.rng.randrange(1, 20)
    return roll_over(world, subscription_id, prices=prices)


def collect(scene: Scene, invoice_id: str) -> Story:
    """Wait for a draft to be finalized, then see it paid: by card, or by its due date."""
    world = scene.world
    yield from until_finalized(scene, invoice_id)
    if world[invoice_id]["status"] == "paid":
        return
    if world[invoice_id]["collection_method"] == "send_invoice":
        yield world.now + scene.rng.randrange(3, 28) * DAY
        with world.request():
            pay_out_of_band(world, invoice_id)
        return
    method = charged_method(world, subscription_of(world[invoice_id]))
    assert method, f"nothing to charge for {invoice_id}"
    pay(world, invoice_id, method)


def until_finalized(scene: Scene, invoice_id: str) -> Story:
    """Wait the hour that Stripe leaves for changes to a draft, then finalize it."""
    world = scene.world
    yield world[invoice_id]["automatically_finalizes_at"] + scene.rng.randrange(1, 90)
    finalize(world, invoice_id)
    if world[invoice_id]["collection_method"] == "send_invoice":
        world.announce(invoice_id, "invoice.sent")


def roll_over(
    world: World,
    subscription_id: str,
    *,
    auto_advance: bool = True,
    restart: bool = False,
    prices: Mapping[str, str] = NOTHING,
) -> str:
    """Begin a subscription's next period with a draft invoice; return the draft's id.

    With `restart` the period, and the billing anchor with it, begins now. `prices` are those
    that items, by id, have from now on.
    """
    before = world[subscription_id]
    coming = _next_items(world, before, world.now if restart else None, prices)
    bill = Bill(
        billing_reason="subscription_update" if restart else "subscription_cycle",
        entries=[
            *_waiting(world, world.pending.pop(subscription_id, ())),
            *_entries(world, before, coming),
        ],
        period_start=before["items"]["data"][0]["current_period_start"],
        period_end=period_end(before),
        auto_advance=auto_advance,
        finalizes_at=world.now + HOUR if auto_advance else None,
    )
    draft = invoice(world, world[before["customer"]], before, bill)
    changes: dict[str, Any] = {**items_field(coming), "latest_invoice": draft["id"]}
    over = discounts.over(world, before)
    if over:
        changes["discounts"] = [each for each in before["discounts"] if each not in over]
    if before["status"] in {"trialing", "paused"}:
        changes |= {"status": "active", "status_details": None}
    if restart:
        changes["billing_cycle_anchor"] = world.now
    for item in coming:
        world.used.pop(item["id"], None)
    world.update(subscription_id, "customer.subscription.updated", changes)
    discounts.delete(world, over)
    return world.create(draft, "invoice.created")


def _entries(world: World, before: Json, coming: list[Json]) -> list[Entry]:
    """Return what is billed: the coming period, and of metered items what the last one used."""
    return [
        entry
        for was, item in zip(before["items"]["data"], coming, strict=True)
        for entry in (
            usage_entries(world, was, world.used.get(item["id"], 0))
            if is_metered(item["price"])
            else period_entries(world, item)
        )
    ]


def _next_items(
    world: World,
    subscription: Json,
    begins: int | None = None,
    prices: Mapping[str, str] = NOTHING,
) -> list[Json]:
    """Return a subscription's items in their next period, at the prices as they stand now."""
    anchor = begins or subscription["billing_cycle_anchor"]
    items = subscription["items"]["data"]
    return [
        _next_period(
            world[prices.get(item["id"], item["price"]["id"])],
            anchor,
            item,
            begins or item["current_period_end"],
        )
        for item in items
    ]


def _next_period(price: Json, anchor: int, item: Json, start: int) -> Json:
    return {
        **item,
        "current_period_end": next_end(anchor, start, price["recurring"]),
        "current_period_start": start,
        "plan": plan_of(price),
        "price": price,
    }


def _waiting(world: World, invoice_items: Sequence[str]) -> list[Entry]:
    """Return the entries for the invoice items that wait for this invoice."""
    waiting = [world[item] for item in invoice_items]
    return [
        Entry(
            price=world[item["pricing"]["price_details"]["price"]],
            item_id=item["parent"]["subscription_details"]["subscription_item"],
            amount=item["amount"],
            quantity=item["quantity"],
            description=item["description"],
            period=Period(item["period"]["start"], item["period"]["end"]),
            proration=item["proration"],
            invoice_item=item["id"],
            pending=True,
        )
        for item in waiting
    ]


def _preview(world: World, subscription_id: str, prices: Mapping[str, str]) -> Json:
    """Return what the next invoice will be: it has no id yet."""
    subscription = world[subscription_id]
    end = period_end(subscription)
    bill = Bill(
        billing_reason="upcoming",
        entries=[
            *_waiting(world, world.pending.get(subscription_id, ())),
            *_entries(world, subscription, _next_items(world, subscription, None, prices)),
        ],
        period_start=subscription["items"]["data"][0]["current_period_start"],
        period_end=end,
    )
    made = invoice(world, world[subscription["customer"]], subscription, bill)
    shown = {name: value for name, value in made.items() if name not in _PREVIEW_HAS_NOT}
    lines = {
        **made["lines"],
        "data": [
            {**line, "id": f"il_tmp_{line['id'][4:]}", "invoice": None}
            for line in made["lines"]["data"]
        ],
        "url": f"/v1/invoices/upcoming/lines?customer={subscription['customer']}",
    }
    return {**shown, "created": end, "lines": lines, "next_payment_attempt": end + HOUR}
