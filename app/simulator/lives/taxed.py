"""Lives in which the tax office has a say."""

from collections.abc import Generator

from app.simulator.billing.renewals import collect, keep_renewing, renew
from app.simulator.billing.signup import begin, meet, sign_up
from app.simulator.objects.subscription import Period, Terms
from app.simulator.objects.tax import tax_id, tax_rate
from app.simulator.periods import DAY, next_end
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def tax_ids(scene: Scene) -> Told:
    """A company gives a VAT number with a mistake, then the right one."""
    world = scene.world
    start = sign_up(scene, [("office_desk", scene.rng.randint(2, 9))], currency="eur")
    customer_id = world[start.subscription]["customer"]
    wrong = _give(scene, customer_id)
    yield world.now + scene.rng.randint(5, 90)
    _verify(scene, wrong, verified=False)
    yield from renew(scene, start.subscription)
    with world.request():
        world.tax_ids[customer_id].remove(wrong)
        world.delete(wrong, "customer.tax_id.deleted")
    right = _give(scene, customer_id)
    yield world.now + scene.rng.randint(5, 90)
    _verify(scene, right, verified=True)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def tax_rate_on_top(scene: Scene) -> Told:
    """An office pays by invoice, with sales tax; in the end the shop retires the rate."""
    world, now = scene.world, scene.world.now
    customer_id, goods = meet(scene, [("office_desk", scene.rng.randint(3, 9))], "usd")
    with world.request():
        rate_id = world.create(tax_rate(world, "Sales tax", 8.25, "CA"), "tax_rate.created")
        terms = Terms(
            status="active",
            period=Period(now, next_end(now, now, goods[0][0]["recurring"])),
            days_until_due=30,
            tax_rates=[world[rate_id]],
        )
        start = begin(scene, customer_id, goods, terms)
    yield from collect(scene, start.invoice)
    yield from keep_renewing(scene, start.subscription, 1)
    yield world.now + 2 * DAY
    with world.request():
        world.update(rate_id, "tax_rate.updated", {"active": False})
        # The subscription has no event for this; its next one shows the rate as it is now.
        world.drift(start.subscription, {"default_tax_rates": [world[rate_id]]})
    yield from keep_renewing(scene, start.subscription, 1)
    return start.subscription


def _give(scene: Scene, customer_id: str) -> str:
    world = scene.world
    country = world[customer_id]["address"]["country"]
    number = f"{country}{scene.rng.randrange(10**8, 10**9)}"
    with world.request():
        made = tax_id(world, customer_id, country, number)
        world.tax_ids.setdefault(customer_id, []).append(made["id"])
        return world.create(made, "customer.tax_id.created")


def _verify(scene: Scene, tax_id_id: str, *, verified: bool) -> None:
    owner = scene.world[scene.world[tax_id_id]["customer"]]
    status = "verified" if verified else "unverified"
    name = owner["name"].upper() if verified else None
    outcome = {"verification": {"status": status, "verified_name": name}}
    scene.world.update(tax_id_id, "customer.tax_id.updated", outcome)
