"""Invoices, their lines and invoice items in the shapes of old API versions."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.simulator.history import Json
from app.simulator.versions.fields import inside, without


def origin(invoice: Json) -> dict[str, Any]:
    """Name the subscription or quote on top, as before basil's `parent`."""
    details = inside(invoice, "parent", "subscription_details") or {}
    return {
        **without(invoice, "parent"),
        "quote": inside(invoice, "parent", "quote_details", "quote"),
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "subscription_proration_date": details.get("subscription_proration_date"),
    }


def paid_flag(invoice: Json) -> dict[str, Any]:
    """Flag what is paid; until basil money from outside Stripe did not count as paid."""
    outside = invoice.get("amount_paid_off_stripe") or 0
    paid = invoice["amount_paid"] - outside
    return {
        **invoice,
        "amount_paid": paid,
        "amount_remaining": invoice["amount_due"] - paid,
        "paid": invoice.get("status") == "paid",
        "paid_out_of_band": bool(outside),
    }


def tax_total(invoice: Json) -> dict[str, Any]:
    """Show one sum of tax and what makes it, as before basil's `total_taxes`."""
    taxes = invoice.get("total_taxes") or []
    return {
        **without(invoice, "total_taxes"),
        "tax": sum(tax["amount"] for tax in taxes) if taxes else None,
        "total_tax_amounts": [_tax_amount(tax) for tax in taxes],
    }


def line_taxes(line: Json) -> dict[str, Any]:
    """Show a line's tax, of an invoice or a credit note, as before basil's `taxes`."""
    taxes = line.get("taxes") or []
    inclusive = sum(tax["amount"] for tax in taxes if tax.get("tax_behavior") == "inclusive")
    return {
        **without(line, "taxes"),
        "amount_excluding_tax": line["amount"] - inclusive,
        "tax_amounts": [_tax_amount(tax) for tax in taxes],
        "tax_rates": [],
    }


def note_taxes(note: Json) -> dict[str, Any]:
    """Show a credit note's tax as before basil's `total_taxes`."""
    taxes = [_tax_amount(tax) for tax in note.get("total_taxes") or []]
    return {**without(note, "total_taxes"), "tax_amounts": taxes}


def _tax_amount(tax: Json) -> dict[str, Any]:
    return {
        **without(tax, "tax_behavior", "tax_rate_details", "type"),
        "inclusive": tax.get("tax_behavior") == "inclusive",
        "tax_rate": inside(tax, "tax_rate_details", "tax_rate"),
    }


def line_origin(line: Json) -> dict[str, Any]:
    """Say on top what a line bills, as before basil's `parent`."""
    of_item = inside(line, "parent", "subscription_item_details")
    details = of_item or inside(line, "parent", "invoice_item_details") or {}
    told = {
        name: details.get(name)
        for name in ("invoice_item", "proration_details", "subscription", "subscription_item")
    }
    return {
        **without(line, "parent"),
        **told,
        "proration": bool(details.get("proration")),
        "type": "subscription" if of_item else "invoiceitem",
    }


def item_origin(item: Json) -> dict[str, Any]:
    """Name an invoice item's subscription on top, as before basil's `parent`."""
    details = inside(item, "parent", "subscription_details") or {}
    return {
        **without(item, "parent"),
        "subscription": details.get("subscription"),
        "subscription_item": details.get("subscription_item"),
    }


def priced(line: Json) -> dict[str, Any]:
    """Embed the price, and the plan it was made of, as before basil's `pricing`.

    Lines and invoice items tell ids and a unit amount only, so the price shows no more.
    """
    pricing = line.get("pricing") or {}
    decimal = pricing.get("unit_amount_decimal")
    shown = {
        "id": inside(pricing, "price_details", "price"),
        "product": inside(pricing, "price_details", "product"),
        "currency": line["currency"],
    }
    price = {**shown, "object": "price", **_unit("unit_amount", decimal)}
    plan = {**shown, "object": "plan", **_unit("amount", decimal)}
    return {
        **without(line, "pricing"),
        "price": price if shown["id"] else None,
        "plan": plan if shown["id"] and _recurs(line) else None,
        **_unit("unit_amount", decimal),
    }


def _recurs(line: Json) -> bool:
    """Tell whether the line belongs to a subscription: then its price was a plan."""
    details = (line.get("parent") or {}).values()
    return any(isinstance(each, Mapping) and each.get("subscription") for each in details)


def _unit(name: str, decimal: str | None) -> dict[str, Any]:
    whole = decimal is not None and Decimal(decimal) == int(Decimal(decimal))
    return {name: int(Decimal(decimal or 0)) if whole else None, f"{name}_decimal": decimal}


def legacy_id(line: Json) -> dict[str, Any]:
    """Give a line the id it had until 2019-12-03: not unique; that came as `unique_id`."""
    item = line.get("invoice_item") if line.get("type") == "invoiceitem" else None
    return {**line, "id": item or f"sli_{line['id'][3:]}", "unique_id": line["id"]}


def finalized(invoice: Json) -> dict[str, Any]:
    """Tell on top when an invoice was finalized, as until 2019-03-14."""
    moments = invoice["status_transitions"]
    return {
        **invoice,
        "finalized_at": moments["finalized_at"],
        "status_transitions": without(moments, "finalized_at"),
    }
