"""A charge in doubt: reviewed, warned of, disputed, and how that ends."""

from app.simulator.history import Json
from app.simulator.objects.dispute import dispute, early_fraud_warning, review, withdrawal
from app.simulator.world import World


def charge_of(world: World, invoice_id: str) -> Json:
    """Return the charge that paid an invoice."""
    return world[world[world.payment_of[invoice_id]]["latest_charge"]]


def open_review(world: World, charge: Json) -> str:
    """Let one of the shop's rules ask for a look at a payment; return the review's id."""
    review_id = world.create(review(world, charge), "review.opened")
    # Neither the charge nor its intent has an event of its own for this.
    world.drift(charge["id"], {"review": review_id})
    world.drift(charge["payment_intent"], {"review": review_id})
    return review_id


def close_review(world: World, review_id: str, reason: str) -> None:
    """End a review, for one of Stripe's reasons such as `approved`."""
    with world.request():
        world.update(review_id, "review.closed", {"closed_reason": reason, "open": False})


def warn(world: World, charge: Json) -> str:
    """Let the card network warn of fraud; return the warning's id."""
    return world.create(early_fraud_warning(world, charge), "radar.early_fraud_warning.created")


def open_dispute(world: World, charge: Json, warning_id: str) -> str:
    """Let the card's holder dispute a charge: the money goes at once. Return the dispute's id."""
    made = dispute(world, charge, "fraudulent")
    world.drift(charge["id"], {"disputed": True})
    dispute_id = world.create(made, "charge.dispute.created")
    gone = {"balance_transactions": [withdrawal(world, made)]}
    world.update(dispute_id, "charge.dispute.funds_withdrawn", gone)
    # There is nothing left to refund.
    world.update(warning_id, "radar.early_fraud_warning.updated", {"actionable": False})
    return dispute_id


def answer(world: World, dispute_id: str, customer: Json) -> None:
    """Send the shop's evidence to the bank."""
    evidence = {
        "customer_email_address": customer["email"],
        "customer_name": customer["name"],
        "product_description": "A monthly bag of coffee.",
        "uncategorized_text": "The bag was delivered, and so were those before.",
    }
    details = {"has_evidence": True, "submission_count": 1, "submission_method": "manual"}
    changes = {"evidence": evidence, "evidence_details": details, "status": "under_review"}
    with world.request():
        world.update(dispute_id, "charge.dispute.updated", changes)


def decide(world: World, dispute_id: str, *, won: bool) -> None:
    """Let the bank decide; what was won comes back a moment later."""
    world.update(dispute_id, "charge.dispute.closed", {"status": "won" if won else "lost"})
    if won:
        world.tick()
        disputed = world[dispute_id]
        back = withdrawal(world, disputed, back=True)
        moved = {"balance_transactions": [*disputed["balance_transactions"], back]}
        world.update(dispute_id, "charge.dispute.funds_reinstated", moved)
