"""Lives in which a subscription opens doors."""

from collections.abc import Generator, Sequence

from app.simulator.billing.changes import cancel_now
from app.simulator.billing.renewals import keep_renewing
from app.simulator.billing.signup import sign_up
from app.simulator.history import Json
from app.simulator.objects.entitlement import entitlement, summary
from app.simulator.periods import DAY
from app.simulator.shop import Scene
from app.simulator.world import World

Told = Generator[int, None, str | None]


def entitled(scene: Scene) -> Told:
    """Classes of the school: two doors open, a third is added, all close with the end."""
    world = scene.world
    basket = [("class_1", 1), ("class_2", 1)]
    start = sign_up(scene, basket, currency="usd")
    customer_id = world[start.subscription]["customer"]
    doors = [entitlement(world, key) for key in ("classes", "library")]
    _tell(world, customer_id, doors)
    yield from keep_renewing(scene, start.subscription, 1)
    yield world.now + scene.rng.randint(2, 20) * DAY
    _tell(world, customer_id, [*doors, entitlement(world, "workshops")])
    yield from keep_renewing(scene, start.subscription, 1)
    yield world.now + scene.rng.randint(2, 20) * DAY
    cancel_now(world, start.subscription, "unused", None)
    _tell(world, customer_id, [])
    return None


def _tell(world: World, customer_id: str, active: Sequence[Json]) -> None:
    event_type = "entitlements.active_entitlement_summary.updated"
    nothing = summary(customer_id, [])
    world.tell_face(summary(customer_id, active), event_type, unlike=nothing)
