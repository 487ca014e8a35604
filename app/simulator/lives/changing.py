"""Lives in which the subscription, or what it is for, changes."""

from collections.abc import Generator

from app.simulator.billing.changes import Proration, change_items
from app.simulator.billing.pauses import pause_collection, renew_uncollected, resume_collection
from app.simulator.billing.renewals import keep_renewing, period_end, renew
from app.simulator.billing.signup import sign_up
from app.simulator.lives.steady import usual
from app.simulator.periods import DAY
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def upgrade_with_proration(scene: Scene) -> Told:
    """From 250 g to a kilogram in mid-period, with the difference billed at once."""
    start = sign_up(scene, [("coffee_250", 1)])
    yield from keep_renewing(scene, start.subscription, 1)
    yield from _some_days(scene)
    _switch(scene, start.subscription, "coffee_1000", "always_invoice")
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def downgrade(scene: Scene) -> Told:
    """From a kilogram to 500 g in mid-period: the credit comes with the next invoice, or now.

    A credit that is billed now exceeds the charge and goes to the customer's balance.
    """
    start = sign_up(scene, [("coffee_1000", 1)])
    yield from keep_renewing(scene, start.subscription, 1)
    yield from _some_days(scene)
    how: Proration = scene.rng.choice(("always_invoice", "create_prorations"))
    _switch(scene, start.subscription, "coffee_500", how)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def seat_change(scene: Scene) -> Told:
    """More desks, prorated on the next invoice; then fewer, without proration."""
    desks = scene.rng.randint(3, 12)
    start = sign_up(scene, [("office_desk", desks)])
    yield from _some_days(scene)
    _set_quantity(scene, start.subscription, desks + 2, "create_prorations")
    yield from keep_renewing(scene, start.subscription, 2)
    yield from _some_days(scene)
    _set_quantity(scene, start.subscription, desks - 1, "none")
    yield from keep_renewing(scene, start.subscription, 1)
    return start.subscription


def paused_and_resumed(scene: Scene) -> Told:
    """Collection rests for one or two periods, then goes on."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, 1)
    yield from _some_days(scene)
    behavior = scene.rng.choice(("void", "mark_uncollectible", "keep_as_draft"))
    periods = scene.rng.randint(1, 2)
    ends = period_end(world[start.subscription])
    resumes_at = ends + (31 * (periods - 1) + 15) * DAY
    pause_collection(world, start.subscription, behavior, resumes_at)
    for _ in range(periods):
        yield from renew_uncollected(scene, start.subscription)
    yield resumes_at
    resume_collection(world, start.subscription)
    yield from renew(scene, start.subscription)
    return start.subscription


def metadata_toggle(scene: Scene) -> Told:
    """A note is set from A to B and back to A within one second."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    customer_id = world[start.subscription]["customer"]
    yield from _some_days(scene)
    for object_id in (start.subscription, customer_id):
        _note(scene, object_id, "A")
    yield from _some_days(scene)
    for object_id in (start.subscription, customer_id):
        _note(scene, object_id, "B")
        _note(scene, object_id, "A")
    yield from renew(scene, start.subscription)
    _note(scene, start.subscription, None)
    return start.subscription


def product_and_price_updates(scene: Scene) -> Told:
    """The shop renames a good, takes a price off the shelf, and drops a good never sold."""
    world = scene.world
    start = sign_up(scene, [("decaf_whole", 1)])
    price = world[start.subscription]["items"]["data"][0]["price"]
    yield from _some_days(scene)
    with world.request():
        named = {"name": "Night Owl decaf, organic", "updated": world.now}
        world.update(price["product"], "product.updated", named)
        scene.shop.change_price(price["id"], {"nickname": "250 g whole (old)"})
        scene.shop.change_price(price["id"], {"active": False})
        dropped = scene.shop.product("grinder")
    yield from _some_days(scene)
    with world.request():
        changes = {"active": False, "metadata": {"sku": None}, "updated": world.now}
        world.update(dropped, "product.updated", changes)
        world.delete(dropped, "product.deleted")
    yield from renew(scene, start.subscription)
    return start.subscription


def _some_days(scene: Scene) -> Generator[int, None, None]:
    yield scene.world.now + scene.rng.randint(4, 11) * DAY + scene.rng.randrange(DAY)


def _switch(scene: Scene, subscription_id: str, offer: str, how: Proration) -> None:
    subscription = scene.world[subscription_id]
    price = scene.shop.price(offer, subscription["currency"])
    wanted = {item["id"]: (price, item["quantity"]) for item in subscription["items"]["data"]}
    change_items(scene, subscription_id, wanted, how)


def _set_quantity(scene: Scene, subscription_id: str, quantity: int, how: Proration) -> None:
    (item,) = scene.world[subscription_id]["items"]["data"]
    change_items(scene, subscription_id, {item["id"]: (item["price"], quantity)}, how)


def _note(scene: Scene, object_id: str, value: str | None) -> None:
    kind = scene.world[object_id]["object"]
    prefix = "customer.subscription" if kind == "subscription" else kind
    with scene.world.request():
        scene.world.update(object_id, f"{prefix}.updated", {"metadata": {"gift_note": value}})
