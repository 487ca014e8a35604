"""What a page says of what its link is about, in the reader's words."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.customer_links.standing import About, Standing
from notifications.subscribed import plans
from notifications.wording import Money, Wording, printable
from sync.mirror.facts import InvoiceFacts


def told(about: About, now: Standing, wording: Wording) -> Mapping[str, Any]:
    """Return what the templates may name; no name, no address: anybody may hold the link."""
    subscription, owed = about.subscription, now.owed
    ended_at = subscription.ended_at if subscription else None
    ends_at = subscription.ends_at if subscription else None
    renews_at = subscription.current_period_end if subscription else None
    due = [each.due_date for each in owed if each.due_date]
    return {
        "state": now.state,
        "plans": wording.listed(plans(subscription)),
        "amounts": [wording.money(each) for each in _sums(owed)],
        "numbers": ", ".join(printable(each.number) for each in owed if each.number),
        "due_on": wording.date(min(due)) if due else None,
        "is_charged": bool(owed) and owed[0].collection_method == "charge_automatically",
        "ended_on": wording.date(ended_at) if ended_at else None,
        "ends_on": wording.date(ends_at) if ends_at else None,
        "renews_on": wording.date(renews_at) if renews_at and not ends_at else None,
    }


def _sums(owed: tuple[InvoiceFacts, ...]) -> list[Money]:
    """Return what is owed, one amount for each currency."""
    sums: Counter[str] = Counter()
    for each in owed:
        sums[each.currency or ""] += each.amount_remaining_minor
    return [Money(amount_minor, currency) for currency, amount_minor in sorted(sums.items())]
