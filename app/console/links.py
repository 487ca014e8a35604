"""From an id to the page that shows what it names."""

from flask import url_for

# Stripe's ids say what they name. Source: docs.stripe.com/api, each object's `id`.
_TABLES = {
    "sub": "subscriptions",
    "si": "subscription_items",
    "in": "invoices",
    "il": "invoice_line_items",
    "prod": "products",
    "price": "prices",
}
_OTHERS = frozenset("ch py pi pm re cn inpay seti cs ii".split())


def names_object(value: object) -> bool:
    """Tell whether `value` is an id of a sort that has a page."""
    prefix, _, rest = value.partition("_") if isinstance(value, str) else ("", "", "")
    return bool(rest) and (prefix == "cus" or prefix in _TABLES or prefix in _OTHERS)


def object_url(object_id: str, account: str = "") -> str:
    """Return where an object is shown; for an unknown sort of id, the events about it."""
    prefix = object_id.partition("_")[0]
    if prefix == "cus":
        return url_for("console.customer", customer_id=object_id, account=account or None)
    table = _TABLES.get(prefix) or ("other_objects" if prefix in _OTHERS else None)
    if table:
        return url_for("console.object", name=table, object_id=object_id, account=account or None)
    return url_for("console.events", object=object_id)
