"""What a customer agreed to: plans, price, period and when it renews."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notifications.case import Case
from notifications.subscribed import sale


def agreed(case: Case, at: datetime | None) -> Mapping[str, Any]:
    """Return what a mail may name of the case's subscription, priced as at `at` (None: now).

    `renews_at` is when the first of its periods ends.
    """
    subscription = case.subscription
    assert subscription is not None, "checked before"
    sold = sale(subscription, subscription.items, case.terms, at or case.now)
    return {**sold, "renews_at": subscription.current_period_end}
