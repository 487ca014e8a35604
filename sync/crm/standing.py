"""Where a customer stands, over all of their subscriptions."""

from collections.abc import Mapping, Sequence

from sync.crm.facts import Facts
from sync.mirror.facts import SubscriptionFacts

# Best first; what Stripe may add later comes last. Source: reference crm-inventory, section 9.
_RANKS: Mapping[str, int] = {
    status: rank
    for rank, status in enumerate(
        "active trialing past_due paused unpaid incomplete canceled incomplete_expired".split()
    )
}
LIVE = frozenset({"active", "trialing", "past_due", "paused", "unpaid"})
_RENEWS = frozenset({"active", "trialing", "past_due"})
LIFECYCLE: Mapping[str, str] = {
    "active": "active",
    "trialing": "trialing",
    "past_due": "at_risk",
    "paused": "paused",
    "unpaid": "at_risk",
    "canceled": "churned",
}


def status_of(subscription: SubscriptionFacts) -> str:
    """Return a subscription's status; pausing its collection counts as paused."""
    paused = subscription.pause_collection_behavior and subscription.status in _RENEWS
    return "paused" if paused else subscription.status


def will_renew(subscription: SubscriptionFacts) -> bool:
    """Tell whether the end of the period brings another one."""
    return status_of(subscription) in _RENEWS and not subscription.cancel_is_set


def main_subscription(subscriptions: Sequence[SubscriptionFacts]) -> SubscriptionFacts | None:
    """Return the one that stands for the customer: the best status, then the latest."""
    return max(subscriptions, key=_standing, default=None)


def rank_of(status: str | None) -> int:
    """Return how far from the best a status is; None is farthest."""
    return _RANKS.get(status or "", len(_RANKS))


def _standing(subscription: SubscriptionFacts) -> tuple[int, float, str]:
    latest = subscription.ended_at or subscription.created
    return (
        -rank_of(status_of(subscription)),
        latest.timestamp() if latest else 0.0,
        subscription.id,
    )


def billing_lifecycle(facts: Facts) -> str:
    """Return lead, trialing, active, at_risk, paused or churned.

    At risk: payment is late, or the end is scheduled. A lead never had a subscription that
    began, whatever else they bought.
    """
    main = main_subscription(facts.subscriptions)
    stage = LIFECYCLE.get(status_of(main), "lead") if main else "lead"
    if main and stage in {"active", "trialing"} and main.cancel_is_set:
        return "at_risk"
    began = any(each.status == "canceled" for each in facts.subscriptions)
    return "churned" if stage == "lead" and began else stage
