"""Where a customer stands, over all of their subscriptions."""

from collections.abc import Mapping, Sequence

from sync.crm.facts import Facts, Subscription

# Best first; what Stripe may add later comes last. Source: reference crm-inventory, section 9.
_RANKS: Mapping[str, int] = {
    status: rank
    for rank, status in enumerate(
        "active trialing past_due paused unpaid incomplete canceled incomplete_expired".split()
    )
}
LIVE = frozenset({"active", "trialing", "past_due", "paused", "unpaid"})
_RENEWS = frozenset({"active", "trialing", "past_due"})
_LIFECYCLE: Mapping[str, str] = {
    "active": "active",
    "trialing": "trialing",
    "past_due": "at_risk",
    "paused": "paused",
    "unpaid": "at_risk",
    "canceled": "churned",
}


def status_of(subscription: Subscription) -> str:
    """Return a subscription's status; pausing its collection counts as paused."""
    paused = subscription.pauses_collection and subscription.status in _RENEWS
    return "paused" if paused else subscription.status


def cancel_is_set(subscription: Subscription) -> bool:
    """Tell whether a live subscription's end is scheduled, by either of Stripe's fields."""
    return subscription.cancel_at_period_end or subscription.cancel_at is not None


def will_renew(subscription: Subscription) -> bool:
    """Tell whether the end of the period brings another one."""
    return status_of(subscription) in _RENEWS and not cancel_is_set(subscription)


def main_subscription(subscriptions: Sequence[Subscription]) -> Subscription | None:
    """Return the one that stands for the customer: the best status, then the latest."""
    return max(subscriptions, key=_standing, default=None)


def _standing(subscription: Subscription) -> tuple[int, float, str]:
    rank = _RANKS.get(status_of(subscription), len(_RANKS))
    latest = subscription.ended_at or subscription.created
    return (-rank, latest.timestamp() if latest else 0.0, subscription.id)


def billing_lifecycle(facts: Facts) -> str:
    """Return lead, trialing, active, at_risk, paused or churned.

    At risk: payment is late, or the end is scheduled. A lead never had a subscription that
    began, whatever else they bought.
    """
    main = main_subscription(facts.subscriptions)
    stage = _LIFECYCLE.get(status_of(main), "lead") if main else "lead"
    if main and stage in {"active", "trialing"} and cancel_is_set(main):
        return "at_risk"
    began = any(each.status == "canceled" for each in facts.subscriptions)
    return "churned" if stage == "lead" and began else stage
