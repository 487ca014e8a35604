"""Lives in which money goes back."""

from collections.abc import Generator

from app.simulator.billing.changes import cancel_now
from app.simulator.billing.refunds import refund_invoice
from app.simulator.billing.renewals import renew
from app.simulator.billing.signup import sign_up
from app.simulator.lives.steady import usual
from app.simulator.periods import HOUR, share
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def refund_full(scene: Scene) -> Told:
    """A renewal is paid back whole; half of these customers leave with it."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    invoice_id = yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(4, 200) * HOUR
    refund_invoice(scene, invoice_id, with_credit_note=scene.rng.random() < 0.5)
    if scene.rng.random() < 0.5:
        cancel_now(world, start.subscription, "low_quality", None)
        return None
    yield from renew(scene, start.subscription)
    return start.subscription


def refund_partial(scene: Scene) -> Told:
    """A part is paid back with a credit note; sometimes a second part without one."""
    world = scene.world
    start = sign_up(scene, [("coffee_250", 2)])
    invoice_id = yield from renew(scene, start.subscription)
    yield world.now + scene.rng.randint(4, 200) * HOUR
    half = share(world[invoice_id]["amount_paid"], 1, 2)
    refund_invoice(scene, invoice_id, half, with_credit_note=True)
    if scene.rng.random() < 0.5:
        yield world.now + 20 * HOUR
        refund_invoice(scene, invoice_id, share(half, 1, 2))
    yield from renew(scene, start.subscription)
    return start.subscription
