"""Lives that are billed by how much there is: many things, many pieces, or what was used."""

from collections.abc import Generator

from app.simulator.billing.changes import change_items
from app.simulator.billing.invoice_items import buy_once
from app.simulator.billing.renewals import keep_renewing, renew
from app.simulator.billing.signup import begin_paid, give_card, meet, sign_up
from app.simulator.goods import EVERY_CLASS
from app.simulator.periods import DAY
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def many_lines(scene: Scene) -> Told:
    """Twelve classes in one subscription, and once an invoice with twenty-five lines.

    Events show the first ten of both.
    """
    start = sign_up(scene, EVERY_CLASS, currency="usd")
    yield from renew(scene, start.subscription)
    for _ in range(13):
        yield scene.world.now + scene.rng.randint(1, 2) * DAY
        buy_once(scene, start.subscription, "lesson")
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def tiered_seats(scene: Scene) -> Told:
    """Seats that get cheaper with their number, by tier or all of them; more after a month."""
    offer = scene.rng.choice(("seats_graduated", "seats_volume"))
    start = sign_up(scene, [(offer, scene.rng.randint(4, 7))], currency="usd")
    yield from keep_renewing(scene, start.subscription, 1)
    yield scene.world.now + scene.rng.randint(4, 11) * DAY
    (item,) = scene.world[start.subscription]["items"]["data"]
    wanted = {item["id"]: (item["price"], item["quantity"] + scene.rng.randint(1, 20))}
    change_items(scene, start.subscription, wanted, "none")
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def metered_usage(scene: Scene) -> Told:
    """A coffee machine paid by the cup, at each month's end."""
    world = scene.world
    customer_id, goods = meet(scene, [("cups", 0)], "usd")
    with world.request():
        method_id = give_card(scene, customer_id)
        start = begin_paid(scene, customer_id, goods, method_id)
    (item,) = world[start.subscription]["items"]["data"]
    for cups in (scene.rng.randint(10, 45), scene.rng.randint(60, 400), 700):
        world.used[item["id"]] = cups
        yield from renew(scene, start.subscription)
    return start.subscription
