"""Lives in which somebody says that it was not them."""

from collections.abc import Generator

from app.simulator.billing.changes import end
from app.simulator.billing.disputes import (
    answer,
    charge_of,
    close_review,
    decide,
    open_dispute,
    open_review,
    warn,
)
from app.simulator.billing.renewals import renew
from app.simulator.billing.signup import sign_up
from app.simulator.lives.steady import usual
from app.simulator.periods import DAY, HOUR
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_LOST = {"comment": None, "feedback": None, "reason": "payment_disputed"}


def dispute_won(scene: Scene) -> Told:
    """The bank believes the shop: the money comes back and the customer stays."""
    start = sign_up(scene, usual(scene))
    invoice_id = yield from renew(scene, start.subscription)
    yield from _disputed(scene, invoice_id, won=True)
    yield from renew(scene, start.subscription)
    return start.subscription


def dispute_lost(scene: Scene) -> Told:
    """The bank believes the card's holder: the money is gone and the subscription ends."""
    start = sign_up(scene, usual(scene))
    invoice_id = yield from renew(scene, start.subscription)
    yield from _disputed(scene, invoice_id, won=False)
    end(scene.world, start.subscription, _LOST)
    return None


def _disputed(scene: Scene, invoice_id: str, *, won: bool) -> Generator[int, None, None]:
    """Reviewed, let through, warned of, disputed, answered and decided, within a month."""
    world, rng = scene.world, scene.rng
    charge = charge_of(world, invoice_id)
    review_id = open_review(world, charge)
    yield world.now + rng.randint(1, 20) * HOUR
    close_review(world, review_id, "approved")
    yield world.now + rng.randint(1, 4) * DAY
    warning_id = warn(world, charge)
    yield world.now + rng.randint(2, 5) * DAY
    dispute_id = open_dispute(world, charge, warning_id)
    yield world.now + rng.randint(1, 6) * DAY
    answer(world, dispute_id, world[charge["customer"]])
    yield world.now + rng.randint(3, 10) * DAY
    decide(world, dispute_id, won=won)
