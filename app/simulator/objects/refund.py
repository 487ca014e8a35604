"""Refunds and credit notes."""

from typing import Any

from app.simulator.history import Json
from app.simulator.objects.lines import tax_inside, taxes
from app.simulator.world import World

_NOTE_NOTHING_SET: Json = {
    "amount_shipping": 0,
    "customer_account": None,
    "customer_balance_transaction": None,
    "discount_amount": 0,
    "discount_amounts": [],
    "livemode": False,
    "memo": None,
    "metadata": {},
    "out_of_band_amount": None,
    "pre_payment_amount": 0,
    "pretax_credit_amounts": [],
    "shipping_cost": None,
    "voided_at": None,
}


def refund(world: World, charge: Json, amount: int) -> dict[str, Any]:
    """Return the refund of a part of a charge, or of all of it, to its card."""
    return {
        "id": world.new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": world.new_id("transaction"),
        "charge": charge["id"],
        "created": world.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference": None,
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": "requested_by_customer",
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def credit_note(
    world: World,
    invoice: Json,
    line: Json,
    amount: int,
    refund_id: str,
) -> dict[str, Any]:
    """Return the note that credits `amount` of one line of a paid invoice by a refund."""
    new_id = world.new_id("credit_note")
    net = amount - tax_inside(amount, invoice["currency"])
    return {
        **_NOTE_NOTHING_SET,
        "id": new_id,
        "object": "credit_note",
        "amount": amount,
        "created": world.now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "effective_at": world.now,
        "invoice": invoice["id"],
        "lines": _credited(world, new_id, invoice["currency"], line, amount),
        "number": f"{invoice['number']}-CN-01",
        "pdf": f"https://pay.stripe.com/credit_notes/{world.account}/{world.token(24)}/pdf?s=ap",
        "post_payment_amount": amount,
        "reason": "product_unsatisfactory",
        "refunds": [
            {
                "amount_refunded": amount,
                "payment_record_refund": None,
                "refund": refund_id,
                "type": "refund",
            },
        ],
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": net,
        "total": amount,
        "total_excluding_tax": net,
        "total_taxes": taxes(amount, invoice["currency"]),
        "type": "post_payment",
    }


def _credited(world: World, note: str, currency: str, line: Json, amount: int) -> Json:
    # Of a line for several pieces whole pieces are credited.
    each = line["amount"] // line["quantity"]
    quantity = max(1, amount // each)
    credited = {
        "id": world.new_id("credit_note_line_item"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": line["description"],
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": line["id"],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [],
        "taxes": taxes(amount, currency),
        "type": "invoice_line_item",
        "unit_amount": amount // quantity,
        "unit_amount_decimal": str(amount // quantity),
    }
    return {
        "object": "list",
        "data": [credited],
        "has_more": False,
        "total_count": 1,
        "url": f"/v1/credit_notes/{note}/lines",
    }
