"""Monthly recurring revenue of one customer, now.

Counted and discounted as the history does it (`sync.history.amounts`), less the coupons that
run for ever; tiers are left out, since the facts do not show them. Rounded once, at the end.
Source: reference metrics-console, section 1.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sync.crm import discounts as crm
from sync.crm.facts import Item, Subscription
from sync.history.amounts import ZERO, Discount, Line, amounts, cadence, counts


def mrr_minor(
    subscriptions: Iterable[Subscription],
    currency: str,
    customer_discounts: Sequence[crm.Discount] = (),
) -> int:
    """Return the MRR in minor units of `currency`; subscriptions in others are left out.

    A customer's discount works on subscriptions without one of their own.
    """
    counted = (
        _monthly(each, each.discounts or customer_discounts)
        for each in subscriptions
        if counts(each.status, each.pauses_collection) and each.currency == currency
    )
    return round(sum(counted, ZERO))


def _monthly(subscription: Subscription, discounts: Sequence[crm.Discount]) -> Fraction:
    lines = [_line(item) for item in subscription.items if not item.metered]
    off = [_discount(each, subscription.currency) for each in discounts]
    return sum((each.net_forever for each in amounts(lines, off)), ZERO)


def _line(item: Item) -> Line:
    often = cadence(item.interval, item.interval_count)
    period_minor = Fraction(item.unit_amount or 0) * item.quantity
    return Line(monthly_minor=period_minor * often, cadence=often)


def _discount(told: crm.Discount, currency: str | None) -> Discount:
    return Discount(
        percent_off=Fraction(told.percent_off or 0),
        amount_off_minor=(told.amount_off_minor or 0) if told.currency in {None, currency} else 0,
        forever=told.forever,
    )
