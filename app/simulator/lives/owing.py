"""Lives in which money comes late, in another way, or in parts."""

from collections.abc import Generator

from app.simulator.billing.changes import cancel_now, replace_card
from app.simulator.billing.partial import pay_part
from app.simulator.billing.payments import finalize, pay, pay_out_of_band
from app.simulator.billing.renewals import (
    keep_renewing,
    next_invoice,
    period_end,
    renew,
    roll_over,
    until_finalized,
)
from app.simulator.billing.signup import begin, give_card, meet, sign_up
from app.simulator.declines import DECLINES
from app.simulator.lives.failing import due_invoice, fail
from app.simulator.lives.steady import usual
from app.simulator.objects.subscription import Period, Terms
from app.simulator.periods import DAY, HOUR, next_end, share
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]

_SUBSCRIPTION_UPDATED = "customer.subscription.updated"


def gives_up_unpaid(scene: Scene) -> Told:
    """After the last retry the subscription stays, unpaid: new invoices are kept as drafts.

    Most come back with a new card and pay both; the others leave.
    """
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 2))
    invoice_id = yield from due_invoice(scene, start.subscription)
    yield from fail(scene, invoice_id, DECLINES["do_not_honor"], 4)
    world.update(start.subscription, _SUBSCRIPTION_UPDATED, {"status": "unpaid"})
    world.update(invoice_id, "invoice.updated", {"auto_advance": False})
    yield period_end(world[start.subscription]) + scene.rng.randrange(1, 20)
    draft_id = roll_over(world, start.subscription, auto_advance=False)
    yield world.now + scene.rng.randint(2, 9) * DAY
    if scene.rng.random() < 0.3:
        cancel_now(world, start.subscription, "too_expensive", None)
        return None
    with world.request():
        method_id = replace_card(scene, start.subscription)
        pay(world, invoice_id, method_id, by_schedule=False)
        finalize(world, draft_id)
        pay(world, draft_id, method_id, by_schedule=False)
    yield from renew(scene, start.subscription)
    return start.subscription


def paid_out_of_band(scene: Scene) -> Told:
    """A card that fails twice; then the money comes by bank transfer, outside of Stripe."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield from keep_renewing(scene, start.subscription, scene.rng.randint(0, 2))
    invoice_id = yield from due_invoice(scene, start.subscription)
    yield from fail(scene, invoice_id, DECLINES["insufficient_funds"], 2)
    yield world.now + scene.rng.randint(5, 60) * HOUR
    with world.request():
        pay_out_of_band(world, invoice_id)
    yield from renew(scene, start.subscription)
    return start.subscription


def paid_in_two_parts(scene: Scene) -> Told:
    """An office pays an invoice by two cards, some days apart."""
    world, now = scene.world, scene.world.now
    customer_id, goods = meet(scene, [("office_desk", scene.rng.randint(4, 20))], "usd")
    with world.request():
        method_id = give_card(scene, customer_id)
        terms = Terms(
            status="active",
            period=Period(now, next_end(now, now, goods[0][0]["recurring"])),
            days_until_due=30,
        )
        start = begin(scene, customer_id, goods, terms)
    invoice_id = start.invoice
    for _ in range(2):
        yield from until_finalized(scene, invoice_id)
        yield world.now + scene.rng.randint(1, 4) * DAY
        part = share(world[invoice_id]["amount_due"], 1, 3)
        pay_part(world, invoice_id, method_id, part)
        yield world.now + scene.rng.randint(1, 4) * DAY
        pay_part(world, invoice_id, method_id, world[invoice_id]["amount_remaining"])
        invoice_id = yield from next_invoice(scene, start.subscription)
    yield from until_finalized(scene, invoice_id)
    yield world.now + scene.rng.randint(1, 9) * DAY
    with world.request():
        pay_out_of_band(world, invoice_id)
    return start.subscription
