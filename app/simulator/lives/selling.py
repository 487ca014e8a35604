"""Lives that begin in other ways than the shop's checkout; and a clock to try things with."""

from collections.abc import Generator

from app.simulator.billing.quotes import accept, offer
from app.simulator.billing.renewals import collect, keep_renewing, renew
from app.simulator.billing.signup import meet, sign_up
from app.simulator.lives.steady import usual
from app.simulator.objects.clock import advancing, ready, test_clock
from app.simulator.objects.quote import payment_link
from app.simulator.periods import DAY, HOUR
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def quote_accepted(scene: Scene) -> Told:
    """An office asks for a quote, thinks about it, and accepts."""
    desks = scene.rng.randint(4, 20)
    customer_id, goods = meet(scene, [("office_desk", desks)], "usd")
    quote_id = offer(scene, customer_id, goods)
    yield scene.world.now + scene.rng.randint(2, 12) * DAY
    start = accept(scene, quote_id, goods)
    yield from collect(scene, start.invoice)
    yield from renew(scene, start.subscription)
    return start.subscription


def payment_link_followed(scene: Scene) -> Told:
    """The shop puts a link into its newsletter, somebody follows it; then it is switched off."""
    world = scene.world
    offers = usual(scene)
    with world.request():
        made = payment_link(world, scene.basket(offers, "usd"))
        link_id = world.create(made, "payment_link.created")
    yield world.now + scene.rng.randint(3, 200) * HOUR
    start = sign_up(scene, offers, currency="usd", payment_link=link_id)
    yield from keep_renewing(scene, start.subscription, 1)
    with world.request():
        world.update(link_id, "payment_link.updated", {"active": False})
    yield from renew(scene, start.subscription)
    return start.subscription


def test_clock_advanced(scene: Scene) -> Told:
    """Beside a customer of flesh and blood the shop tries a test clock, which it deletes."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    with world.request():
        clock_id = world.create(test_clock(world, "A month"), "test_helpers.test_clock.created")
    for days in (31, 14):
        yield world.now + scene.rng.randint(30, 900)
        target = world[clock_id]["frozen_time"] + days * DAY
        with world.request():
            world.update(clock_id, "test_helpers.test_clock.advancing", advancing(target))
        world.tick(scene.rng.randint(1, 9))
        world.update(clock_id, "test_helpers.test_clock.ready", ready(target))
    yield world.now + scene.rng.randint(30, 900)
    with world.request():
        world.delete(clock_id, "test_helpers.test_clock.deleted")
    yield from keep_renewing(scene, start.subscription, 1)
    return start.subscription
