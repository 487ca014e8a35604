"""What a customer agreed to: plans, price, period and when it renews."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notifications.case import Case
from notifications.subscribed import is_free, renewing, sale
from sync.mirror.facts import ItemFacts, SubscriptionFacts


def agreed(case: Case, at: datetime | None) -> Mapping[str, Any]:
    """Return what a mail may name of the case's subscription, priced as at `at` (None: now).

    Price and period are those of the items that renew first.
    """
    subscription = case.subscription
    assert subscription is not None, "checked before"
    items = _first_to_renew(subscription)
    assert items, "a subscription has items"
    sold = sale(subscription, items, case.terms, at or case.now)
    price = sold["price"]
    return {
        **sold,
        "is_free": is_free(items) or (price is not None and price.amount_minor == 0),
        "renews_at": subscription.current_period_end,
    }


def _first_to_renew(subscription: SubscriptionFacts) -> tuple[ItemFacts, ...]:
    first_end = subscription.current_period_end
    return (renewing(subscription, first_end) if first_end else ()) or subscription.items
