"""What a customer is subscribed to, in words and amounts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from notifications.terms import Method, Terms
from notifications.wording import Money, Period, Price, printable
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


def list_price(items: Sequence[ItemFacts]) -> Price:
    """Return what `items` cost before discounts and tax.

    Metered items and tiers add no amount, as their price is known only afterwards.
    """
    return _price(items, lambda same: sum(map(_listed_minor, same)))


def net_price(items: Sequence[ItemFacts], terms: Terms, at: datetime) -> Price:
    """Return what `items` come to at `at`, before tax; what is off is off each period's invoice.

    All discounts that are known and in force then are taken off; a customer's own gives way to
    one of the subscription.
    """
    own = [off for off in terms.discounts if off.in_force(at)]
    whole = own or [off for off in terms.of_customer if off.in_force(at)]

    def net_minor(same: Sequence[ItemFacts]) -> int:
        lines = [_line(item, terms).at(at) for item in same]
        net = sum((each.net_all for each in amounts(lines, whole)), Fraction(0))
        return int(net + Fraction(1, 2))

    return _price(items, net_minor)


def _price(items: Sequence[ItemFacts], total_minor: Callable[[Sequence[ItemFacts]], int]) -> Price:
    """Return the price of `items`, each period's by `total_minor`.

    Items are billed with their like: nobody pays the sum of a month's price and a year's.
    """
    by_period: dict[Period, list[ItemFacts]] = {}
    for item in items:
        if item.unit_amount_minor is not None and item.currency:
            period = Period(item.interval or "month", item.interval_count)
            by_period.setdefault(period, []).append(item)
    lines = [
        (Money(total_minor(same), same[0].currency or ""), period)
        for period, same in by_period.items()
    ]
    return Price(
        lines=tuple(line for line in lines if line[0].amount_minor),
        is_metered=any(item.unit_amount_minor is None for item in items),
    )


def _listed_minor(item: ItemFacts) -> int:
    return (item.unit_amount_minor or 0) * item.quantity


def _line(item: ItemFacts, terms: Terms) -> Line:
    # One invoice holds one period, so an amount off counts once.
    return Line(
        monthly_minor=Fraction(_listed_minor(item)),
        cadence=Fraction(1),
        product=item.product,
        discounts=terms.of_items.get(item.id, ()),
    )


def sale(
    subscription: SubscriptionFacts, items: Sequence[ItemFacts], terms: Terms, at: datetime
) -> Mapping[str, Any]:
    """Return what every notice may name of a sale of `items` at `at`.

    `price` is what the invoices come to before tax; `is_discounted` tells that this is below
    the list price, `has_method` that something is saved to charge, `card` which one, where it
    is a card.
    """
    assert items, "a subscription has items"
    price = net_price(items, terms, at)
    return {
        "plans": plan_names(items),
        "price": price,
        "is_discounted": price != list_price(items),
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
