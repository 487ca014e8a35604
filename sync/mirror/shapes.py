"""Any API version, one shape: where each fact stands, decided by what is there.

Labels lie and wrapped objects carry none, so nothing here looks at `api_version`. Where a
field moved, the new place is read first, then the old one; ids and expanded objects are
both taken. Sources: docs.stripe.com/changelog, entries named per function.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Json = Mapping[str, Any]


def at(subject: Any, *path: str) -> Any:
    """Return the value at `path`, None where any step is missing."""
    for key in path:
        if not isinstance(subject, Mapping):
            return None
        subject = subject.get(key)
    return subject


def ref(value: Any) -> str | None:
    """Return the id behind an id or an expanded object."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) else None


def instant(epoch_s: Any) -> datetime | None:
    """Return Stripe's epoch seconds as aware UTC; None for what is no such number."""
    if not isinstance(epoch_s, int) or isinstance(epoch_s, bool):
        return None
    try:
        return datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def integer(value: Any) -> int | None:
    """Return `value` when it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def string(value: Any) -> str | None:
    """Return `value` when it is text."""
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    """Return `value` when it is a truth value."""
    return value if isinstance(value, bool) else None


def customer_of(subject: Json) -> str | None:
    """Return the id of the customer an object belongs to; a customer belongs to itself."""
    if subject.get("object") == "customer":
        return ref(subject)
    return ref(subject.get("customer"))


def items_of(subscription: Json) -> Json:
    """Return a subscription's list of items."""
    return at(subscription, "items") or {}


def item_period(item: Json, subscription: Json) -> tuple[datetime | None, datetime | None]:
    """Return an item's current period.

    Per item since 2025-03-31.basil; before that one period at the subscription's top.
    """
    return (
        instant(item.get("current_period_start", subscription.get("current_period_start"))),
        instant(item.get("current_period_end", subscription.get("current_period_end"))),
    )


def subscription_period(subscription: Json) -> tuple[datetime | None, datetime | None]:
    """Return when the running period began and when the next renewal of any item is due."""
    periods = [item_period(item, subscription) for item in items_of(subscription).get("data") or ()]
    starts = [start for start, _ in periods if start]
    ends = [end for _, end in periods if end]
    return (
        min(starts, default=instant(subscription.get("current_period_start"))),
        min(ends, default=instant(subscription.get("current_period_end"))),
    )


def collection_method(subject: Json) -> str | None:
    """Return how money is collected; it was called `billing` until 2019-10-17."""
    return string(subject.get("collection_method")) or string(subject.get("billing"))


def subscription_of_invoice(invoice: Json) -> str | None:
    """Return the subscription behind an invoice; below `parent` since 2025-03-31.basil."""
    details = at(invoice, "parent", "subscription_details", "subscription")
    return ref(details) or ref(invoice.get("subscription"))


def invoice_is_paid(invoice: Json) -> bool:
    """Tell whether an invoice is paid; the flag `paid` went with 2025-03-31.basil."""
    return invoice.get("status") == "paid" or invoice.get("paid") is True


def finalized_at(invoice: Json) -> datetime | None:
    """Return when an invoice was finalized; at its top until 2019-03-14."""
    moved = at(invoice, "status_transitions", "finalized_at")
    return instant(moved) or instant(invoice.get("finalized_at"))


def price_of_line(line: Json) -> str | None:
    """Return the price behind an invoice line; below `pricing` since 2025-03-31.basil."""
    moved = at(line, "pricing", "price_details", "price")
    return ref(moved) or ref(line.get("price")) or ref(line.get("plan"))


def product_of_line(line: Json) -> str | None:
    """Return the product behind an invoice line."""
    moved = at(line, "pricing", "price_details", "product")
    return ref(moved) or ref(at(line, "price", "product")) or ref(at(line, "plan", "product"))


def _line_details(line: Json) -> Json:
    parent = line.get("parent")
    if not isinstance(parent, Mapping):
        return line
    return parent.get("subscription_item_details") or parent.get("invoice_item_details") or line


def line_is_proration(line: Json) -> bool:
    """Tell whether a line corrects an earlier charge for a part of a period."""
    return bool(_line_details(line).get("proration"))


def subscription_of_line(line: Json) -> str | None:
    """Return the subscription an invoice line bills."""
    return ref(_line_details(line).get("subscription")) or ref(line.get("subscription"))


def subscription_item_of_line(line: Json) -> str | None:
    """Return the subscription item an invoice line bills."""
    return ref(_line_details(line).get("subscription_item"))


def product_of_price(price: Json) -> str | None:
    """Return the product a price or plan sells."""
    return ref(price.get("product"))


def price_of_item(item: Json) -> Json:
    """Return a subscription item's price; `plan` alone until 2020."""
    found = item.get("price") or item.get("plan")
    return found if isinstance(found, Mapping) else {}


def recurring_of_price(price: Json) -> tuple[str | None, int | None]:
    """Return a price's interval and how many of them make a period; a plan has them on top."""
    recurring = price.get("recurring")
    source = recurring if isinstance(recurring, Mapping) else price
    return string(source.get("interval")), integer(source.get("interval_count"))
