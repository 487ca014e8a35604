"""Paying an invoice in parts, each by a payment intent of its own."""

from app.simulator.billing.payments import charge_intent, settle
from app.simulator.objects.payment import invoice_payment, payment_intent
from app.simulator.world import World


def pay_part(world: World, invoice_id: str, method_id: str, amount: int) -> None:
    """Charge a card for a part of what an open invoice still asks for, in minor units."""
    invoice = world[invoice_id]
    with world.request():
        intent = {**payment_intent(world, invoice), "amount": amount}
        intent_id = world.create(intent, "payment_intent.created")
        charge_id = charge_intent(world, intent_id, method_id)
    tie = invoice_payment(world, invoice, intent_id, asked_at=world.now, amount=amount)
    world.create({**tie, "is_default": False}, "invoice_payment.paid")
    paid = invoice["amount_paid"] + amount
    if paid == invoice["amount_due"]:
        settle(world, invoice_id)
    else:
        part = {"amount_paid": paid, "amount_remaining": invoice["amount_due"] - paid}
        world.update(invoice_id, "invoice.updated", part)
    world.tick(2)
    settled = {"balance_transaction": world.new_id("transaction")}
    world.update(charge_id, "charge.updated", settled)
