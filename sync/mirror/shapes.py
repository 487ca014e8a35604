"""Any API version, one shape: where each fact stands, decided by what is there.

Labels lie and wrapped objects carry none, so nothing here looks at `api_version`. Where a
field moved, the new place is read first, then the old one; ids and expanded objects are
both taken. Sources: docs.stripe.com/changelog, entries named per function.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Mapping[str, Any]
# More than any number that Stripe means, and few enough for every column.
_DIGITS = 30


def at(subject: Any, *path: str) -> Any:
    """Return the value at `path`, None where any step is missing."""
    for key in path:
        if not isinstance(subject, dict):
            return None
        subject = subject.get(key)
    return subject


def ref(value: Any) -> str | None:
    """Return the id behind an id or an expanded object."""
    found = value.get("id") if isinstance(value, dict) else value
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
    """Return `value` when it is a whole number that a bigint can hold."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and -(2**63) <= value < 2**63 else None


def count(value: Any) -> int | None:
    """Return `value` when it is a whole number that an integer column can hold."""
    found = integer(value)
    return found if found is not None and -(2**31) <= found < 2**31 else None


def string(value: Any) -> str | None:
    """Return `value` when it is text."""
    return value if isinstance(value, str) else None


def boolean(value: Any) -> bool | None:
    """Return `value` when it is a truth value."""
    return value if isinstance(value, bool) else None


def exact(value: Any) -> str | None:
    """Return a number such as a percentage as exact decimal text; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    sane = number.is_finite() and abs(number.adjusted()) <= _DIGITS
    return f"{number.normalize():f}" if sane else None


def strings(value: Any) -> list[str]:
    """Return the texts of a list, in order; empty for what is no list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def mappings(value: Any) -> list[Json]:
    """Return the objects of a list, in order; empty for what is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def listed(subject: Any, *path: str) -> Json:
    """Return the list object at `path`; of what it embeds, the objects that have an id."""
    found = at(subject, *path)
    if not isinstance(found, dict):
        return {}
    return {**found, "data": [each for each in mappings(found.get("data")) if ref(each)]}


def summed(parts: Any, name: str = "amount") -> int:
    """Return the sum of one amount over a list of objects; 0 for what is no list."""
    return integer(sum(integer(part.get(name)) or 0 for part in mappings(parts))) or 0


def customer_of(subject: Json) -> str | None:
    """Return the id of the customer an object belongs to; a customer belongs to itself."""
    if subject.get("object") == "customer":
        return ref(subject)
    return ref(subject.get("customer"))


def items_of(subscription: Json) -> Json:
    """Return a subscription's list of items."""
    return listed(subscription, "items")


def item_period(item: Json, subscription: Json) -> tuple[datetime | None, datetime | None]:
    """Return an item's current period.

    Per item since 2025-03-31.basil; before that one period at the subscription's top.
    """
    start, end = "current_period_start", "current_period_end"
    return (
        instant(item.get(start)) or instant(subscription.get(start)),
        instant(item.get(end)) or instant(subscription.get(end)),
    )


def subscription_period(subscription: Json) -> tuple[datetime | None, datetime | None]:
    """Return when the running period began and when the next renewal of any item is due."""
    periods = [item_period(item, subscription) for item in items_of(subscription).get("data", ())]
    starts = [start for start, _ in periods if start]
    ends = [end for _, end in periods if end]
    return (
        min(starts, default=instant(subscription.get("current_period_start"))),
        min(ends, default=instant(subscription.get("current_period_end"))),
    )


def started_at(subscription: Json) -> datetime | None:
    """Return when a subscription began; it was called `start` until 2019-10-17."""
    return instant(subscription.get("start_date")) or instant(subscription.get("start"))


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


def invoice_created(invoice: Json) -> datetime | None:
    """Return when an invoice was made; it was called `date` until 2019-03-14."""
    return instant(invoice.get("created")) or instant(invoice.get("date"))


def finalized_at(invoice: Json) -> datetime | None:
    """Return when an invoice was finalized; at its top until 2019-03-14."""
    moved = at(invoice, "status_transitions", "finalized_at")
    return instant(moved) or instant(invoice.get("finalized_at"))


def paid_and_remaining(invoice: Json) -> tuple[int | None, int | None]:
    """Return what was paid and what is left to pay, in minor units.

    Until 2025-03-31.basil money that came in outside of Stripe did not count as paid; the
    flag `paid_out_of_band`, gone since, told that it settled the rest.
    """
    if invoice.get("paid_out_of_band") is True and invoice_is_paid(invoice):
        return integer(invoice.get("amount_due")), 0
    return integer(invoice.get("amount_paid")), integer(invoice.get("amount_remaining"))


def quote_of_invoice(invoice: Json) -> str | None:
    """Return the quote an invoice came from; below `parent` since 2025-03-31.basil."""
    return ref(at(invoice, "parent", "quote_details", "quote")) or ref(invoice.get("quote"))


def discount_of(amounts: Any) -> int | None:
    """Return the sum of discount amounts; None where an old event did not tell them."""
    return summed(amounts) if isinstance(amounts, list) else None


def tax_of_invoice(invoice: Json) -> int:
    """Return the tax on an invoice in minor units; one sum until 2025-03-31.basil."""
    return summed(invoice.get("total_taxes")) or integer(invoice.get("tax")) or 0


def tax_of_line(line: Json) -> int:
    """Return the tax on a line in minor units; `tax_amounts` until 2025-03-31.basil."""
    return summed(line.get("taxes")) or summed(line.get("tax_amounts"))


def line_id(line: Json) -> str | None:
    """Return the id of an invoice line; until 2019-12-03 only `unique_id` was unique."""
    return string(line.get("unique_id")) or ref(line)


def price_of_line(line: Json) -> str | None:
    """Return the price behind an invoice line; below `pricing` since 2025-03-31.basil."""
    moved = at(line, "pricing", "price_details", "price")
    return ref(moved) or ref(line.get("price")) or ref(line.get("plan"))


def product_of_line(line: Json) -> str | None:
    """Return the product behind an invoice line."""
    moved = at(line, "pricing", "price_details", "product")
    return ref(moved) or ref(at(line, "price", "product")) or ref(at(line, "plan", "product"))


_DETAILS = ("subscription_item_details", "invoice_item_details")


def _line_details(line: Json) -> Json:
    """Return what tells where a line comes from; below `parent` since 2025-03-31.basil."""
    below = mappings([at(line, "parent", details) for details in _DETAILS])
    return next(iter(below), line)


def line_is_proration(line: Json) -> bool:
    """Tell whether a line corrects an earlier charge for a part of a period."""
    return _line_details(line).get("proration") is True


def subscription_of_line(line: Json) -> str | None:
    """Return the subscription an invoice line bills."""
    return ref(_line_details(line).get("subscription")) or ref(line.get("subscription"))


def subscription_item_of_line(line: Json) -> str | None:
    """Return the subscription item an invoice line bills."""
    return ref(_line_details(line).get("subscription_item"))


def invoice_item_of_line(line: Json) -> str | None:
    """Return the invoice item an invoice line was made from."""
    return ref(_line_details(line).get("invoice_item"))


def product_of_price(price: Json) -> str | None:
    """Return the product a price or plan sells."""
    return ref(price.get("product"))


def price_of_item(item: Json) -> Json:
    """Return a subscription item's price; `plan` alone until 2020."""
    return next(iter(mappings([item.get("price"), item.get("plan")])), {})


def unit_amount(price: Json) -> tuple[int | None, str | None]:
    """Return a price's amount for one unit in minor units: whole, and as a decimal text.

    The first is None for a fraction of the minor unit, both are where the price has tiers.
    A plan calls them `amount`.
    """
    whole = integer(price.get("unit_amount"))
    decimal = string(price.get("unit_amount_decimal")) or string(price.get("amount_decimal"))
    return (integer(price.get("amount")) if whole is None else whole), decimal


def _recurring(price: Json) -> Json:
    below = price.get("recurring")
    return below if isinstance(below, dict) else price


def recurring_of_price(price: Json) -> tuple[str | None, int | None]:
    """Return a price's interval and how many of them make a period; a plan has them on top."""
    recurring = _recurring(price)
    return string(recurring.get("interval")), count(recurring.get("interval_count"))


def usage_of_price(price: Json) -> tuple[str | None, str | None]:
    """Return whether a price is licensed or metered, and by which meter."""
    recurring = _recurring(price)
    return string(recurring.get("usage_type")), ref(recurring.get("meter"))
