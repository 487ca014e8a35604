"""What happens to an invoice: finalized, paid, refused, confirmed, voided, written off."""

from collections.abc import Mapping
from typing import Any

from app.simulator.declines import Decline
from app.simulator.history import Json
from app.simulator.objects.payment import (
    charge,
    invoice_payment,
    next_action,
    payment_error,
    payment_intent,
)
from app.simulator.world import World


def subscription_of(invoice: Json) -> str:
    """Return the id of the subscription an invoice belongs to."""
    return str(invoice["parent"]["subscription_details"]["subscription"])


def charged_method(world: World, subscription_id: str) -> str | None:
    """Return the id of the card a subscription would charge: its own, else its customer's."""
    subscription = world[subscription_id]
    settings = world[subscription["customer"]]["invoice_settings"]
    method: str | None = subscription["default_payment_method"]
    return method or settings["default_payment_method"]


def finalize(world: World, invoice_id: str) -> None:
    """Open a draft for payment; one with nothing due is paid by that."""
    if world[invoice_id]["webhooks_delivered_at"] is None:
        # Noted when `invoice.created` was delivered, without an event of its own.
        world.drift(invoice_id, {"webhooks_delivered_at": world.now})
    invoice = world[invoice_id]
    customer = world[invoice["customer"]]
    number = customer["next_invoice_sequence"]
    # The sequence moves without a customer.updated; the customer's next event shows it.
    world.drift(customer["id"], {"next_invoice_sequence": number + 1})
    ending_balance = invoice["starting_balance"] + invoice["total"] - invoice["amount_due"]
    page = f"{world.account}/test_{world.token(40)}"
    opened = {
        "automatically_finalizes_at": None,
        "effective_at": world.now,
        "ending_balance": ending_balance,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{page}?s=ap",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{page}/pdf?s=ap",
        "number": f"{customer['invoice_prefix']}-{number:04}",
        "status_transitions": {"finalized_at": world.now},
    }
    due = invoice["amount_due"] > 0
    world.update(invoice_id, "invoice.finalized", _finalized(opened, world.now, due))
    if ending_balance != customer["balance"]:
        world.update(customer["id"], "customer.updated", {"balance": ending_balance})
    if due:
        intent = payment_intent(world, world[invoice_id])
        world.payment_of[invoice_id] = world.create(intent, "payment_intent.created")
    else:
        _announce_paid(world, invoice_id)


def _finalized(opened: Mapping[str, Any], now: int, due: bool) -> dict[str, Any]:
    """Return what finalizing changes: to `open` when something is due, else to `paid`."""
    if due:
        return {**opened, "status": "open"}
    transitions = {**opened["status_transitions"], "paid_at": now}
    paid = {
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
    }
    return {**opened, **paid, "status_transitions": transitions}


def pay(world: World, invoice_id: str, method_id: str, *, by_schedule: bool = True) -> None:
    """Charge a card for an open invoice, with success.

    Only attempts of Stripe's own schedule count; one the customer starts counts when it is
    the very first.
    """
    intent_id = world.payment_of[invoice_id]
    charge_id = charge_intent(world, intent_id, method_id)
    invoice = world[invoice_id]
    asked_at = invoice["status_transitions"]["finalized_at"]
    tie = invoice_payment(world, invoice, intent_id, asked_at=asked_at)
    world.create(tie, "invoice_payment.paid")
    counted = by_schedule or invoice["attempt_count"] == 0
    _mark_paid(world, invoice_id, attempts=invoice["attempt_count"] + counted)
    world.tick(2)
    # The balance transaction is attached a moment after the charge.
    world.update(
        charge_id,
        "charge.updated",
        {"balance_transaction": world.new_id("transaction")},
    )


def charge_intent(world: World, intent_id: str, method_id: str) -> str:
    """Charge a card for what a payment intent asks for, with success; return the charge's id."""
    charge_id = _charge(world, intent_id, method_id, None)
    succeeded = {
        "amount_received": world[intent_id]["amount"],
        "last_payment_error": None,
        "latest_charge": charge_id,
        "next_action": None,
        "payment_method": method_id,
        "status": "succeeded",
    }
    world.update(intent_id, "payment_intent.succeeded", succeeded)
    return charge_id


def settle(world: World, invoice_id: str) -> None:
    """Mark an invoice as paid by other payments than its own, which is given up."""
    _cancel_intent(world, invoice_id, "automatic")
    _mark_paid(world, invoice_id, attempts=world[invoice_id]["attempt_count"])


def pay_out_of_band(world: World, invoice_id: str) -> None:
    """Mark an invoice as paid by other means than Stripe, such as a bank transfer."""
    invoice = world[invoice_id]
    _cancel_intent(world, invoice_id, "automatic")
    _mark_paid(
        world,
        invoice_id,
        attempts=invoice["attempt_count"],
        off_stripe=invoice["amount_due"],
    )


def _mark_paid(world: World, invoice_id: str, *, attempts: int, off_stripe: int = 0) -> None:
    invoice = world[invoice_id]
    paid = {
        "amount_paid": invoice["amount_due"],
        "amount_paid_off_stripe": off_stripe,
        "amount_remaining": 0,
        "attempt_count": attempts,
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "paid",
        "status_transitions": {"paid_at": world.now},
    }
    world.update(invoice_id, "invoice.updated", paid)
    _announce_paid(world, invoice_id)
    catch_up(world, invoice_id)


def catch_up(world: World, invoice_id: str) -> None:
    """Let an invoice's subscription, and its customer, owe nothing any more."""
    invoice = world[invoice_id]
    subscription_id = subscription_of(invoice)
    subscription = world[subscription_id]
    # Of an unpaid subscription only the newest invoice counts.
    newest = subscription["status"] == "unpaid" and subscription["latest_invoice"] == invoice_id
    if newest or subscription["status"] in {"incomplete", "past_due"}:
        world.update(subscription_id, "customer.subscription.updated", {"status": "active"})
    _set_delinquent(world, invoice["customer"], False)


def refuse(
    world: World,
    invoice_id: str,
    method_id: str,
    decline: Decline,
    next_attempt: int | None,
) -> None:
    """Let an attempt fail at the bank; Stripe tries again at `next_attempt`, or never."""
    charge_id = _charge(world, world.payment_of[invoice_id], method_id, decline)
    failed = {
        "last_payment_error": payment_error(decline, charge_id, world[method_id]),
        "latest_charge": charge_id,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    world.update(world.payment_of[invoice_id], "payment_intent.payment_failed", failed)
    count_failure(world, invoice_id, next_attempt)


def count_failure(world: World, invoice_id: str, next_attempt: int | None) -> None:
    """Count a failed attempt and tell it; after a hard decline this happens without a charge."""
    invoice = world[invoice_id]
    attempt = {
        "attempt_count": invoice["attempt_count"] + 1,
        "attempted": True,
        "next_payment_attempt": next_attempt,
    }
    world.update(invoice_id, "invoice.updated", attempt)
    world.announce(invoice_id, "invoice.payment_failed")
    _fall_behind(world, invoice)


def ask_to_confirm(world: World, invoice_id: str, method_id: str, next_attempt: int) -> None:
    """Let the bank ask for the customer's confirmation (3-D Secure) before it pays."""
    intent_id = world.payment_of[invoice_id]
    waiting = {
        "next_action": next_action(world[intent_id]),
        "payment_method": method_id,
        "status": "requires_action",
    }
    world.update(intent_id, "payment_intent.requires_action", waiting)
    count_failure(world, invoice_id, next_attempt)
    world.announce(invoice_id, "invoice.payment_action_required")


def void(world: World, invoice_id: str) -> None:
    """Void an open invoice: it is as if it had never been asked for."""
    _cancel_intent(world, invoice_id, "void_invoice")
    voided = {
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "void",
        "status_transitions": {"voided_at": world.now},
    }
    world.update(invoice_id, "invoice.updated", voided)
    world.announce(invoice_id, "invoice.voided")


def write_off(world: World, invoice_id: str, reason: str) -> None:
    """Mark an open invoice as uncollectible."""
    written_off = {
        "auto_advance": False,
        "next_payment_attempt": None,
        "status": "uncollectible",
        "status_details": {"uncollectible": {"reason": reason}},
        "status_transitions": {"marked_uncollectible_at": world.now},
    }
    world.update(invoice_id, "invoice.updated", written_off)
    world.announce(invoice_id, "invoice.marked_uncollectible")


def _charge(world: World, intent_id: str, method_id: str, decline: Decline | None) -> str:
    intent = world[intent_id]
    owner = world[intent["customer"]]
    attempt = charge(world, intent, owner, world[method_id], decline)
    return world.create(attempt, "charge.failed" if decline else "charge.succeeded")


def _announce_paid(world: World, invoice_id: str) -> None:
    world.announce(invoice_id, "invoice.paid")
    world.announce(invoice_id, "invoice.payment_succeeded")


def _fall_behind(world: World, invoice: Json) -> None:
    subscription_id = subscription_of(invoice)
    status = world[subscription_id]["status"]
    if status == "active":
        world.update(subscription_id, "customer.subscription.updated", {"status": "past_due"})
    if status != "incomplete":
        _set_delinquent(world, invoice["customer"], True)


def _set_delinquent(world: World, customer_id: str, delinquent: bool) -> None:
    if world[customer_id]["delinquent"] != delinquent:
        world.update(customer_id, "customer.updated", {"delinquent": delinquent})


def _cancel_intent(world: World, invoice_id: str, reason: str) -> None:
    intent_id = world.payment_of.get(invoice_id)
    if intent_id is not None:
        canceled = {
            "canceled_at": world.now,
            "cancellation_reason": reason,
            "next_action": None,
            "status": "canceled",
        }
        world.update(intent_id, "payment_intent.canceled", canceled)
