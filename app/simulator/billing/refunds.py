"""Money that goes back."""

from app.simulator.objects.refund import credit_note, refund
from app.simulator.shop import Scene
from app.simulator.world import World


def refund_invoice(
    scene: Scene,
    invoice_id: str,
    amount: int | None = None,
    *,
    with_credit_note: bool = False,
) -> None:
    """Refund a paid invoice's charge, in part or (amount None) whole, in minor units.

    A credit note says which line the money is for.
    """
    world = scene.world
    invoice = world[invoice_id]
    charge = world[world[world.payment_of[invoice_id]]["latest_charge"]]
    back = charge["amount"] if amount is None else amount
    with world.request():
        made = refund(world, charge, back)
        refund_id = world.create(made, "refund.created")
        returned = charge["amount_refunded"] + back
        whole = returned == charge["amount"]
        changes = {"amount_refunded": returned, "refunded": whole}
        world.update(charge["id"], "charge.refunded", changes)
        if with_credit_note:
            line = max(invoice["lines"]["data"], key=lambda line: int(line["amount"]))
            note = credit_note(world, invoice, line, back, refund_id)
            world.create(note, "credit_note.created")
            credited = {"post_payment_credit_notes_amount": back}
            world.update(invoice_id, "invoice.updated", credited)
    world.tick(4)
    _reference_is_known(world, refund_id)


def _reference_is_known(world: World, refund_id: str) -> None:
    reference = {"reference": world.token(12).upper(), "reference_status": "available"}
    changes = {"destination_details": {"card": reference}}
    previous = world.update(refund_id, "refund.updated", changes)
    # The older name of the same event is still sent beside it, with the same content.
    world.tell_again(refund_id, "charge.refund.updated", previous)
