"""Lives whose money is followed to the shop's bank."""

from collections.abc import Generator

from app.simulator.billing.renewals import renew
from app.simulator.billing.signup import sign_up
from app.simulator.lives.steady import usual
from app.simulator.objects.payout import payout
from app.simulator.periods import DAY
from app.simulator.shop import Scene

Told = Generator[int, None, str | None]


def payouts(scene: Scene) -> Told:
    """Two payments are paid out: the first is turned away by the bank, the second arrives."""
    world = scene.world
    start = sign_up(scene, usual(scene))
    yield world.now + 2 * DAY
    failed = _set_out(scene, start.invoice)
    yield world[failed]["arrival_date"] + scene.rng.randint(60, 6000)
    refused = {
        "failure_balance_transaction": world.new_id("transaction"),
        "failure_code": "account_closed",
        "failure_message": "The bank account has been closed.",
        "reconciliation_status": "not_applicable",
        "status": "failed",
    }
    world.update(failed, "payout.failed", refused)
    invoice_id = yield from renew(scene, start.subscription)
    yield world.now + 2 * DAY
    paid = _set_out(scene, invoice_id)
    yield world[paid]["arrival_date"] - DAY
    traced = {"trace_id": {"status": "supported", "value": world.token(12).upper()}}
    world.update(paid, "payout.updated", traced)
    yield world[paid]["arrival_date"]
    world.update(paid, "payout.paid", {"status": "paid"})
    yield world.now + scene.rng.randint(60, 6000)
    reconciled = {"reconciliation_status": "completed"}
    world.update(paid, "payout.reconciliation_completed", reconciled)
    yield from renew(scene, start.subscription)
    return start.subscription


def _set_out(scene: Scene, invoice_id: str) -> str:
    """Pay out what an invoice brought, less Stripe's fee; return the payout's id."""
    world = scene.world
    invoice = world[invoice_id]
    fee = invoice["amount_paid"] * 29 // 1000 + 30
    return world.create(
        payout(world, invoice["amount_paid"] - fee, invoice["currency"]), "payout.created"
    )
