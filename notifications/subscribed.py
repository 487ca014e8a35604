"""What a customer is subscribed to, in words and amounts."""

from collections.abc import Sequence
from datetime import datetime

from notifications.wording import Money, printable
from sync.mirror.facts import ItemFacts, SubscriptionFacts


def plans(subscription: SubscriptionFacts | None) -> tuple[str, ...]:
    """Return the names of what is sold, each once, as the shop calls it."""
    return plan_names(subscription.items if subscription else ())


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
    known = [item for item in items if item.unit_amount_minor is not None and item.currency]
    if not known:
        return None
    total = sum((item.unit_amount_minor or 0) * item.quantity for item in known)
    return Money(total, known[0].currency or "")


def is_metered(items: Sequence[ItemFacts]) -> bool:
    """Tell whether a part of the price depends on use."""
    return any(item.unit_amount_minor is None for item in items)


def is_free(items: Sequence[ItemFacts]) -> bool:
    """Tell whether a period of `items` costs nothing, whatever the use."""
    price = list_price(items)
    return not is_metered(items) and (price is None or price.amount_minor == 0)
