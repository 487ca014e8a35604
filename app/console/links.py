"""From an id to the page that shows what it names."""

from flask import url_for

# Stripe's ids say what they name. Source: docs.stripe.com/api, each object's `id`.
_TABLES = {
    "ch": "charges",
    "clock": "test_clocks",
    "cn": "credit_notes",
    "cnli": "credit_note_line_items",
    "cs_live": "checkout_sessions",
    "cs_test": "checkout_sessions",
    "di": "discounts",
    "dp": "disputes",
    "du": "disputes",
    "ent": "active_entitlements",
    "ii": "invoice_items",
    "il": "invoice_line_items",
    "in": "invoices",
    "inpay": "invoice_payments",
    "issfr": "early_fraud_warnings",
    "mtr": "billing_meters",
    "pi": "payment_intents",
    "plan": "plans",
    "plink": "payment_links",
    "pm": "payment_methods",
    "po": "payouts",
    "price": "prices",
    "prod": "products",
    "promo": "promotion_codes",
    "prv": "reviews",
    # Charges and refunds of other methods than cards.
    "py": "charges",
    "pyr": "refunds",
    "qt": "quotes",
    "re": "refunds",
    "seti": "setup_intents",
    "si": "subscription_items",
    "sub": "subscriptions",
    "sub_sched": "subscription_schedules",
    "txi": "tax_ids",
    "txr": "tax_rates",
}


def names_object(value: object) -> bool:
    """Tell whether `value` is an id of a sort that has a page."""
    if not isinstance(value, str) or not value.partition("_")[2]:
        return False
    return value.startswith("cus_") or _table_of(value) is not None


def object_url(object_id: str, account: str = "") -> str:
    """Return where an object is shown; for an unknown sort of id, the events about it."""
    if object_id.startswith("cus_"):
        return url_for("console.customer", customer_id=object_id, account=account or None)
    if table := _table_of(object_id):
        return url_for("console.object", name=table, object_id=object_id, account=account or None)
    return url_for("console.events", object=object_id)


def _table_of(object_id: str) -> str | None:
    first, *more = object_id.split("_")
    longer = _TABLES.get(f"{first}_{more[0]}") if more else None
    return longer or _TABLES.get(first)
