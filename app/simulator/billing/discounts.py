"""Coupons redeemed, discounts that end, and customers who get another one."""

from app.simulator.history import Json
from app.simulator.objects.discount import discount, ends_at
from app.simulator.objects.subscription import Terms
from app.simulator.world import World


def redeem(world: World, customer_id: str, terms: Terms, subscription_id: str) -> list[str]:
    """Make the discount that a new subscription begins with; `tell_redeemed` tells it."""
    if terms.coupon is None:
        return []
    made = discount(
        world,
        world[terms.coupon],
        customer_id,
        subscription_id=subscription_id,
        code_id=terms.promotion_code,
    )
    world.hold(made)
    return [made["id"]]


def tell_redeemed(world: World, discounts: list[str]) -> None:
    """Tell new discounts, and count their coupons and codes as redeemed once more."""
    for each in discounts:
        world.announce(each, "customer.discount.created")
        _count(world, world[each])


def discount_customer(world: World, customer_id: str, coupon_id: str) -> str:
    """Give a coupon to a customer, for all that is bought from now on."""
    with world.request():
        made = discount(world, world[coupon_id], customer_id)
        world.hold(made)
        world.update(customer_id, "customer.updated", {"discount": made})
        tell_redeemed(world, [made["id"]])
    return str(made["id"])


def switch_customer(world: World, customer_id: str, coupon_id: str) -> None:
    """Give a customer another coupon in place of the one there is."""
    discount_id = world[customer_id]["discount"]["id"]
    with world.request():
        changes = {
            "end": ends_at(world[coupon_id], world.now),
            "source": {"coupon": coupon_id},
            "start": world.now,
        }
        world.update(discount_id, "customer.discount.updated", changes)
        world.update(customer_id, "customer.updated", {"discount": world[discount_id]})
        _count(world, world[discount_id])


def take_from_customer(world: World, customer_id: str) -> None:
    """Take a customer's discount away."""
    discount_id = world[customer_id]["discount"]["id"]
    world.update(customer_id, "customer.updated", {"discount": None})
    world.delete(discount_id, "customer.discount.deleted")


def take_from_subscription(world: World, subscription_id: str) -> None:
    """Take all discounts from a subscription."""
    gone = world[subscription_id]["discounts"]
    with world.request():
        world.update(subscription_id, "customer.subscription.updated", {"discounts": []})
        delete(world, gone)


def delete(world: World, discounts: list[str]) -> None:
    """Tell that discounts are gone."""
    for each in discounts:
        world.delete(each, "customer.discount.deleted")


def over(world: World, subscription: Json) -> list[str]:
    """Return which of a subscription's discounts have come to their end."""
    ends = {each: world[each]["end"] for each in subscription["discounts"]}
    return [each for each, end in ends.items() if end is not None and end <= world.now]


def _count(world: World, redeemed: Json) -> None:
    coupon = world[redeemed["source"]["coupon"]]
    world.update(coupon["id"], "coupon.updated", {"times_redeemed": coupon["times_redeemed"] + 1})
    if redeemed["promotion_code"]:
        code = world[redeemed["promotion_code"]]
        counted = {"times_redeemed": code["times_redeemed"] + 1}
        world.update(code["id"], "promotion_code.updated", counted)
