"""Which link a mail gets: the one place that decides it."""

from collections.abc import Mapping
from types import MappingProxyType

from notifications import links
from notifications.case import Case
from notifications.kind import Kind
from notifications.links import LinkSubject, Purpose

# A kind not named has nothing to do behind a link. The way to change or cancel stands in every
# notice of a charge ahead: see lifecycle, section 2, "notice windows".
ACTIONS: Mapping[str, Purpose] = MappingProxyType(
    {
        "payment_failed": "pay",
        "final_notice": "pay",
        "action_required": "pay",
        "access_suspended": "pay",
        "invoice_due": "pay",
        "card_expiring": "card",
        "trial_ended_no_card": "card",
        "subscription_started": "manage",
        "renewal_reminder": "manage",
        "annual_terms_reminder": "manage",
        "trial_ending": "manage",
        "promo_ending": "manage",
        "price_change": "manage",
        "paused": "manage",
        "resuming": "manage",
        "cancel_reversed": "manage",
        "cancel_scheduled": "keep",
        "ended_nonpayment": "return",
        "ended_voluntary": "return",
        "winback_delinquent": "return",
        "winback_voluntary": "return",
    }
)


def urls(kind: Kind, case: Case) -> Mapping[str, str | None]:
    """Return the addresses that the templates of `kind` may name, None where it has none."""
    purpose = ACTIONS.get(kind.name)
    wanted: Mapping[str, Purpose | None] = {
        "action_url": purpose,
        "unsubscribe_url": "unsubscribe" if kind.category == "marketing" else None,
        "preferences_url": "preferences" if kind.category == "marketing" else None,
    }
    return {
        name: links.url(case.policy, what, _subject(case)) if what else None
        for name, what in wanted.items()
    }


def _subject(case: Case) -> LinkSubject:
    about = case.subject.get("invoice") or case.subject.get("subscription") or ""
    return LinkSubject(case.customer.account, case.customer.id, about, case.message)
