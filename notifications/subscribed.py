"""What a customer is subscribed to, in words and amounts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from notifications.terms import Method, Terms
from notifications.wording import Money, Period, printable
from sync.history.amounts import Line, amounts
from sync.mirror.facts import ItemFacts, SubscriptionFacts

# Why a subscription's status is `paused`, where it is for want of payment.
UNPAID_PAUSES = frozenset({"first_payment_failure", "final_payment_failure"})
_BRANDS: Mapping[str, str] = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def plans(subscription: SubscriptionFacts | None) -> tuple[str, ...]:
    """Return the names of what is sold, each once, as the shop calls it."""
    return plan_names(subscription.items if subscription else ())


def stands_still(subscription: SubscriptionFacts) -> bool:
    """Tell whether a subscription that was not paid waits for its payment."""
    return subscription.status == "unpaid" or subscription.pause_cause in UNPAID_PAUSES


def plan_names(items: Sequence[ItemFacts]) -> tuple[str, ...]:
    """Return the names of what `items` sell, each once."""
    names = (printable(item.product_name or "") for item in items)
    return tuple(dict.fromkeys(filter(None, names)))


def renewing(subscription: SubscriptionFacts, at: datetime) -> tuple[ItemFacts, ...]:
    """Return the items whose period ends at `at`; items of one subscription may differ."""
    return tuple(item for item in subscription.items if item.current_period_end == at)


def list_price(items: Sequence[ItemFacts]) -> Money | None:
    """Return what one period of `items` costs before discounts and tax.

    Metered items and tiers add nothing here, as their price is known only afterwards; None
    when all are such.
    """
    known = _priced(items)
    if not known:
        return None
    total = sum((item.unit_amount_minor or 0) * item.quantity for item in known)
    return Money(total, known[0].currency or "")


def net_price(items: Sequence[ItemFacts], terms: Terms, at: datetime) -> Money | None:
    """Return what an invoice for one period of `items` comes to at `at`, before tax.

    All discounts that are known and in force then are taken off; a customer's own gives way to
    one of the subscription. None when all depends on use.
    """
    known = _priced(items)
    if not known:
        return None
    lines = [_line(item, terms).at(at) for item in known]
    own = [off for off in terms.discounts if off.in_force(at)]
    whole = own or [off for off in terms.of_customer if off.in_force(at)]
    total = sum((each.net_all for each in amounts(lines, whole)), Fraction(0))
    return Money(int(total + Fraction(1, 2)), known[0].currency or "")


def _priced(items: Sequence[ItemFacts]) -> list[ItemFacts]:
    return [item for item in items if item.unit_amount_minor is not None and item.currency]


def _line(item: ItemFacts, terms: Terms) -> Line:
    listed = Fraction((item.unit_amount_minor or 0) * item.quantity)
    # One invoice holds one period, so an amount off counts once.
    return Line(
        monthly_minor=listed,
        cadence=Fraction(1),
        product=item.product,
        discounts=terms.of_items.get(item.id, ()),
    )


def is_metered(items: Sequence[ItemFacts]) -> bool:
    """Tell whether a part of the price depends on use."""
    return any(item.unit_amount_minor is None for item in items)


def is_free(items: Sequence[ItemFacts]) -> bool:
    """Tell whether a period of `items` costs nothing, whatever the use."""
    price = list_price(items)
    return not is_metered(items) and (price is None or price.amount_minor == 0)


def sale(
    subscription: SubscriptionFacts, items: Sequence[ItemFacts], terms: Terms, at: datetime
) -> Mapping[str, Any]:
    """Return what every notice may name of a sale of one period of `items` at `at`.

    `price` is what the invoice comes to before tax, None when all depends on use;
    `is_discounted` tells that this is below the list price, `has_method` that something is
    saved to charge, `card` which one, where it is a card.
    """
    first, price = items[0], net_price(items, terms, at)
    return {
        "plans": plan_names(items),
        "period": Period(first.interval or "month", first.interval_count),
        "price": price,
        "is_discounted": price != list_price(items),
        "is_metered": is_metered(items),
        "is_invoiced": subscription.collection_method == "send_invoice",
        "card": card_name(terms.method),
        "has_method": terms.method is not None,
    }


def card_name(method: Method | None) -> str | None:
    """Return a card as its holder knows it, such as "Visa ••4242"; None for other methods."""
    if method is None or method.last4 is None:
        return None
    brand = _BRANDS.get(method.brand or "", "")
    return f"{brand} ••{printable(method.last4)}".strip()
