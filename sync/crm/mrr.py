"""Monthly recurring revenue of one customer, now.

Active and past-due subscriptions count; trials, pauses, metered prices and tiers do not. A
coupon that runs for ever is subtracted, one that runs out is not. Rounded once, at the end.
Source: reference metrics-console, section 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from sync.crm.discounts import Discount
from sync.crm.facts import Item, Subscription
from sync.crm.standing import status_of

_COUNTED = frozenset({"active", "past_due"})
# How many periods of one interval a month has.
_PER_MONTH: Mapping[str, Fraction] = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}


def mrr_minor(
    subscriptions: Iterable[Subscription],
    currency: str,
    customer_discounts: Sequence[Discount] = (),
) -> int:
    """Return the MRR in minor units of `currency`; subscriptions in others are left out.

    A customer's discount works on subscriptions without one of their own.
    """
    counted = (
        _monthly(each, each.discounts or customer_discounts)
        for each in subscriptions
        if status_of(each) in _COUNTED and each.currency == currency
    )
    return round(sum(counted, Fraction(0)))


def _monthly(subscription: Subscription, discounts: Sequence[Discount]) -> Fraction:
    listed = sum((_item(item) for item in subscription.items), Fraction(0))
    lasting = [each for each in discounts if each.forever]
    for percent_off in (each.percent_off for each in lasting if each.percent_off):
        listed *= 1 - Fraction(percent_off) / 100
    off = sum(each.amount_off_minor or 0 for each in lasting)
    cadence = next((_cadence(item) for item in subscription.items), Fraction(0))
    return max(Fraction(0), listed - off * cadence)


def _item(item: Item) -> Fraction:
    if item.metered or item.unit_amount is None:
        return Fraction(0)
    return Fraction(item.unit_amount) * item.quantity * _cadence(item)


def _cadence(item: Item) -> Fraction:
    return _PER_MONTH.get(item.interval or "", Fraction(0)) / item.interval_count
