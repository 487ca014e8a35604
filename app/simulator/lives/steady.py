"""Lives in which nothing goes wrong."""

from collections.abc import Generator, Sequence

from app.simulator.billing.renewals import collect, keep_renewing
from app.simulator.billing.signup import begin, meet, sign_up
from app.simulator.objects.subscription import Period, Terms
from app.simulator.periods import next_end
from app.simulator.shop import Basket, Scene

Told = Generator[int, None, str | None]

_USUAL: Sequence[Basket] = (
    [("coffee_250", 1)],
    [("coffee_250", 1)],
    [("coffee_250", 2)],
    [("coffee_500", 1)],
    [("decaf_ground", 1)],
    [("cold_brew", 1)],
)


def usual(scene: Scene) -> Basket:
    """Return what somebody who comes by is likely to subscribe to, monthly."""
    return scene.rng.choice(_USUAL)


def renewal(scene: Scene) -> Told:
    """Twelve monthly renewals."""
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, 12)
    return start.subscription


def annual_renewal(scene: Scene) -> Told:
    """A yearly plan that renews twice."""
    offer = scene.rng.choice(("coffee_yearly", "school_yearly"))
    start = sign_up(scene, [(offer, 1)])
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def multi_item(scene: Scene) -> Told:
    """Two or three things in one subscription."""
    basket = [("coffee_250", scene.rng.randint(1, 3)), ("filters", 1), ("decaf_ground", 1)]
    start = sign_up(scene, basket[: scene.rng.randint(2, 3)])
    yield from keep_renewing(scene, start.subscription, 3)
    return start.subscription


def bundle(scene: Scene) -> Told:
    """A box that takes several goods from the shelf."""
    start = sign_up(scene, [("sunday_box", 1)])
    yield from keep_renewing(scene, start.subscription, 3)
    return start.subscription


def thb(scene: Scene) -> Told:
    """A customer in Thailand, who pays in baht and reads Thai."""
    start = sign_up(scene, usual(scene), currency="thb")
    yield from keep_renewing(scene, start.subscription, 3)
    return start.subscription


def jpy(scene: Scene) -> Told:
    """A customer in Japan: yen have no minor unit."""
    start = sign_up(scene, usual(scene), currency="jpy")
    yield from keep_renewing(scene, start.subscription, 3)
    return start.subscription


def send_invoice(scene: Scene) -> Told:
    """An office that pays each invoice by bank transfer, within thirty days."""
    now = scene.world.now
    desks = scene.rng.randint(4, 20)
    customer_id, goods = meet(scene, [("office_desk", desks)], "usd")
    terms = Terms(
        status="active",
        period=Period(now, next_end(now, now, goods[0][0]["recurring"])),
        days_until_due=30,
    )
    with scene.world.request():
        start = begin(scene, customer_id, goods, terms)
    yield from collect(scene, start.invoice)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription
