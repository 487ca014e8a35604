"""Lives with coupons: on a subscription, by a promotion code, on the customer."""

from collections.abc import Generator

from app.simulator.billing.discounts import (
    discount_customer,
    switch_customer,
    take_from_customer,
    take_from_subscription,
)
from app.simulator.billing.renewals import keep_renewing, renew
from app.simulator.billing.signup import sign_up
from app.simulator.lives.steady import usual
from app.simulator.objects.discount import CouponTerms
from app.simulator.periods import DAY
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_FRIENDS = CouponTerms(id="FRIENDS", name="Friends of the house", percent_off=12.5)
_HELLO = CouponTerms(id="HELLO5", name="Hello", amount_off=500, currency="usd", months=3)
_SPRING = CouponTerms(id="SPRING", name="Spring", percent_off=25, months=2)
_REGULAR = CouponTerms(id="REGULAR", name="Regulars", percent_off=10)
_LOYAL = CouponTerms(id="LOYAL", name="Ten years with us", percent_off=33.3, months=12)


def coupon_forever(scene: Scene) -> Told:
    """A discount outlives its coupon, which the shop deletes; in the end it is taken away."""
    world = scene.world
    start = sign_up(scene, usual(scene), coupon=scene.shop.coupon(_FRIENDS))
    yield from keep_renewing(scene, start.subscription, 2)
    yield world.now + scene.rng.randint(2, 9) * DAY
    scene.shop.withdraw_coupon(_FRIENDS)
    yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(2, 9) * DAY
    take_from_subscription(world, start.subscription)
    yield from renew(scene, start.subscription)
    return start.subscription


def coupon_repeating_that_ends(scene: Scene) -> Told:
    """Five dollars off for three months, over two things in one subscription."""
    basket = [("coffee_250", scene.rng.randint(1, 2)), ("filters", 1)]
    start = sign_up(scene, basket, currency="usd", coupon=scene.shop.coupon(_HELLO))
    yield from keep_renewing(scene, start.subscription, 4)
    return start.subscription


def promotion_code_redeemed(scene: Scene) -> Told:
    """A code typed at checkout lowers the price for two months."""
    code = scene.shop.promotion_code(_SPRING, "SPRING26")
    start = sign_up(scene, usual(scene), coupon=_SPRING.id, code=code)
    yield from keep_renewing(scene, start.subscription, 3)
    return start.subscription


def customer_coupon(scene: Scene) -> Told:
    """A customer gets a coupon for everything, then a better one, and loses that."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    customer_id = world[start.subscription]["customer"]
    yield world.now + scene.rng.randint(2, 9) * DAY
    discount_customer(world, customer_id, scene.shop.coupon(_REGULAR))
    yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(2, 9) * DAY
    switch_customer(world, customer_id, scene.shop.coupon(_LOYAL))
    yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(2, 9) * DAY
    with world.request():
        take_from_customer(world, customer_id)
    yield from renew(scene, start.subscription)
    return start.subscription
