"""Lives in which somebody leaves, or nearly does, or comes back."""

from collections.abc import Generator, Sequence

from app.simulator.billing import changes
from app.simulator.billing.renewals import keep_renewing, renew
from app.simulator.billing.signup import sign_up, subscribe
from app.simulator.lives.steady import usual
from app.simulator.periods import DAY, HOUR
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_WHY: Sequence[tuple[str, str | None]] = (
    ("too_expensive", None),
    ("too_expensive", "Lovely coffee, but my rent went up."),
    ("unused", "I still have four bags on the shelf."),
    ("switched_service", None),
    ("low_quality", "The last two bags tasted stale."),
    ("missing_features", "I would like to skip a month."),
    ("customer_service", None),
    ("too_complex", None),
    ("other", "Moving abroad. เสียดายมาก"),
)


def cancel_at_period_end_and_come_back(scene: Scene) -> Told:
    """A cancellation for the period's end is taken back in time."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(1, 3))
    yield world.now + scene.rng.randint(3, 12) * DAY
    changes.cancel_later(scene, start.subscription, *scene.rng.choice(_WHY))
    yield world.now + scene.rng.randint(1, 200) * HOUR
    changes.stay_after_all(world, start.subscription)
    yield from renew(scene, start.subscription)
    return start.subscription


def cancel_at_period_end_ends(scene: Scene) -> Told:
    """A cancellation for the period's end, with feedback; the end comes."""
    yield from _leave_at_period_end(scene)
    return None


def cancel_now(scene: Scene) -> Told:
    """A cancellation that takes effect at once, in mid-period."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 4))
    yield world.now + scene.rng.randint(1, 20) * DAY
    changes.cancel_now(world, start.subscription, *scene.rng.choice(_WHY))
    return None


def ended_and_resubscribed(scene: Scene) -> Told:
    """Somebody leaves and weeks later comes back, with a new subscription."""
    world = scene.world
    ended = yield from _leave_at_period_end(scene)
    yield world.now + scene.rng.randint(14, 60) * DAY
    customer = world[world[ended]["customer"]]
    method_id = customer["invoice_settings"]["default_payment_method"]
    basket = scene.basket(usual(scene), customer["currency"])
    start = subscribe(scene, customer["id"], basket, method_id=method_id)
    yield from keep_renewing(scene, start.subscription, 2)
    return start.subscription


def customer_deleted(scene: Scene) -> Told:
    """Somebody asks to be forgotten: the subscription ends and the customer is deleted."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(1, 3))
    yield world.now + scene.rng.randint(1, 20) * DAY
    with world.request():
        details = {"comment": None, "feedback": None, "reason": "cancellation_requested"}
        changes.end(world, start.subscription, details)
        world.delete(world[start.subscription]["customer"], "customer.deleted")
    return None


def _leave_at_period_end(scene: Scene) -> Generator[int, None, str]:
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 5))
    yield world.now + scene.rng.randint(2, 20) * DAY
    changes.cancel_later(scene, start.subscription, *scene.rng.choice(_WHY))
    yield world[start.subscription]["cancel_at"] + scene.rng.randrange(1, 20)
    changes.end(world, start.subscription)
    return start.subscription
