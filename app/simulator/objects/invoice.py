"""Invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.simulator.history import Json
from app.simulator.objects.discount import on_invoice, taken_off
from app.simulator.objects.lines import (
    Entry,
    discount_amounts,
    line,
    pretax_credits,
    tax_inside,
)
from app.simulator.periods import DAY
from app.simulator.world import World

_NOTHING_SET: Json = {
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "custom_fields": None,
    "customer_account": None,
    "customer_phone": None,
    "customer_tax_exempt": "none",
    "default_payment_method": None,
    "default_source": None,
    "description": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "last_finalization_error": None,
    "latest_revision": None,
    "livemode": False,
    "metadata": {},
    "number": None,
    "on_behalf_of": None,
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "shipping_cost": None,
    "shipping_details": None,
    "statement_descriptor": None,
    "status_details": None,
    "test_clock": None,
    "threshold_reason": None,
    "webhooks_delivered_at": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What makes one invoice of a subscription differ from the next."""

    billing_reason: str
    entries: Sequence[Entry]
    period_start: int
    period_end: int
    auto_advance: bool = True
    finalizes_at: int | None = None


def invoice(world: World, customer: Json, subscription: Json, bill: Bill) -> dict[str, Any]:
    """Return a draft invoice of the subscription.

    A credit on the customer's balance lowers what is due, and a negative total leaves
    nothing due: it goes to the balance when the invoice is finalized.
    """
    new_id = world.new_id("invoice")
    days = subscription["days_until_due"]
    discounts = on_invoice(world, customer, subscription, bill.period_end)
    off = _off(world, discounts, bill.entries)
    lines = [
        line(world, new_id, subscription, entry, less)
        for entry, less in zip(bill.entries, off, strict=True)
    ]
    return {
        **_NOTHING_SET,
        **_amounts(customer, subscription["currency"], lines),
        **_parties(customer, subscription),
        **_settings(subscription),
        "id": new_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Evergreen Coffee",
        "auto_advance": bill.auto_advance,
        "automatically_finalizes_at": bill.finalizes_at,
        "billing_reason": bill.billing_reason,
        "created": world.now,
        "customer_tax_ids": [
            {name: world[each][name] for name in ("type", "value")}
            for each in world.tax_ids.get(customer["id"], ())
        ],
        "default_tax_rates": subscription["default_tax_rates"],
        "discounts": [each["id"] for each in discounts],
        "due_date": world.now + days * DAY if days else None,
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{new_id}/lines",
        },
        "next_payment_attempt": None if days else bill.finalizes_at,
        "period_end": bill.period_end,
        "period_start": bill.period_start,
        "status": "draft",
    }


def amount_due(customer: Json, total: int) -> int:
    """Return what is left to pay of `total` after the customer's credit balance."""
    credit = min(0, int(customer["balance"]))
    return max(0, total + credit)


def _off(world: World, discounts: Sequence[Json], entries: Sequence[Entry]) -> list[dict[str, int]]:
    """Return what each discount takes off each entry, one after the other."""
    left = [0 if entry.proration else entry.amount for entry in entries]
    off: list[dict[str, int]] = [{} for _ in entries]
    for each in discounts:
        of_coupon = world.last_told("coupon", each["source"]["coupon"])
        for number, less in enumerate(taken_off(of_coupon, left)):
            if not entries[number].proration:
                left[number] -= less
                off[number][each["id"]] = less
    return off


def _amounts(customer: Json, currency: str, lines: Sequence[Json]) -> dict[str, Any]:
    subtotal = sum(line["amount"] for line in lines)
    off: dict[str, int] = {}
    for each in (taken for part in lines for taken in part["discount_amounts"]):
        off[each["discount"]] = off.get(each["discount"], 0) + each["amount"]
    total_taxes = taxes_of(lines)
    on_top = sum(tax["amount"] for tax in total_taxes if tax["tax_behavior"] == "exclusive")
    total = subtotal - sum(off.values()) + on_top
    due = amount_due(customer, total)
    inside = sum(tax_inside(line["amount"], currency) for line in lines if not on_top)
    return {
        "amount_due": due,
        "amount_remaining": due,
        "currency": currency,
        "starting_balance": customer["balance"],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inside,
        "total": total,
        "total_discount_amounts": discount_amounts(off),
        "total_excluding_tax": total - sum(tax["amount"] for tax in total_taxes),
        "total_pretax_credit_amounts": pretax_credits(off),
        "total_taxes": total_taxes,
    }


def taxes_of(lines: Sequence[Json]) -> list[Json]:
    """Return the lines' taxes added up by rate; exactly the sum, whatever the rounding of each."""
    summed: dict[str, dict[str, Any]] = {}
    for tax in (tax for part in lines for tax in part["taxes"]):
        rate = tax["tax_rate_details"]["tax_rate"]
        so_far = summed.get(rate, {"amount": 0, "taxable_amount": 0})
        both = {name: so_far[name] + tax[name] for name in ("amount", "taxable_amount")}
        summed[rate] = {**tax, **both}
    return list(summed.values())


def _parties(customer: Json, subscription: Json) -> dict[str, Any]:
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_shipping": customer["shipping"],
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
    }


def _settings(subscription: Json) -> dict[str, Any]:
    taxed = subscription["automatic_tax"]["enabled"]
    return {
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": taxed,
            "liability": {"type": "self"} if taxed else None,
            "provider": "stripe" if taxed else None,
            "status": "complete" if taxed else None,
        },
        "collection_method": subscription["collection_method"],
        "issuer": {"type": "self"},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "rendering": {
            "amount_tax_display": None,
            "pdf": {"page_size": "auto"},
            "template": None,
            "template_version": None,
        },
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
    }
