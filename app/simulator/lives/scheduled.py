"""Lives in which a change is planned ahead."""

from collections.abc import Generator

from app.simulator.billing.renewals import collect, keep_renewing, next_invoice
from app.simulator.billing.signup import sign_up
from app.simulator.objects.schedule import Phase, phases_field, schedule
from app.simulator.objects.subscription import Period
from app.simulator.periods import DAY, next_end
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_SUBSCRIPTION_UPDATED = "customer.subscription.updated"


def scheduled_change(scene: Scene) -> Told:
    """In mid-period the shop plans a bigger bag for the next; after that the plan lets go."""
    world = scene.world
    start = sign_up(scene, [("coffee_250", 1)])
    yield from keep_renewing(scene, start.subscription, 1)
    yield world.now + scene.rng.randint(4, 11) * DAY
    bigger = scene.shop.price("coffee_500", world[start.subscription]["currency"])
    schedule_id = _plan(scene, start.subscription, bigger["id"])
    (item,) = world[start.subscription]["items"]["data"]
    invoice_id = yield from next_invoice(scene, start.subscription, {item["id"]: bigger["id"]})
    _, second = world[schedule_id]["phases"]
    phase = {"current_phase": {name: second[name] for name in ("end_date", "start_date")}}
    world.update(schedule_id, "subscription_schedule.updated", phase)
    yield from collect(scene, invoice_id)
    invoice_id = yield from next_invoice(scene, start.subscription)
    _let_go(scene, start.subscription, schedule_id)
    yield from collect(scene, invoice_id)
    yield from keep_renewing(scene, start.subscription, 1)
    return start.subscription


def _plan(scene: Scene, subscription_id: str, price_id: str) -> str:
    """Put a subscription under a schedule, then add a phase at another price; return its id."""
    world = scene.world
    (item,) = world[subscription_id]["items"]["data"]
    now = Period(item["current_period_start"], item["current_period_end"])
    anchor = world[subscription_id]["billing_cycle_anchor"]
    coming = Period(now.end, next_end(anchor, now.end, item["price"]["recurring"]))
    first = Phase(now, [(item["price"], item["quantity"])])
    with world.request():
        made = schedule(world, world[subscription_id], [first])
        world.hold(made)
        world.update(subscription_id, _SUBSCRIPTION_UPDATED, {"schedule": made["id"]})
        world.announce(made["id"], "subscription_schedule.created")
    with world.request():
        phases = [first, Phase(coming, [(world[price_id], item["quantity"])])]
        changes = {"phases": phases_field(phases)}
        world.update(made["id"], "subscription_schedule.updated", changes)
    return str(made["id"])


def _let_go(scene: Scene, subscription_id: str, schedule_id: str) -> None:
    """Release a subscription whose schedule is at its end: it goes on by itself."""
    world = scene.world
    released = {
        "current_phase": None,
        "released_at": world.now,
        "released_subscription": subscription_id,
        "status": "released",
        "subscription": None,
    }
    world.update(schedule_id, "subscription_schedule.released", released)
    world.update(subscription_id, _SUBSCRIPTION_UPDATED, {"schedule": None})
