"""What a CRM shall know of one customer: from facts to fields, by the rulings of the reference.

Money is `*_minor` integers in `currency`, times are ISO 8601 UTC, and None says that a field
does not apply. A customer with several currencies is shown in the main one: that of the
subscription that stands for them, else the customer's own, else their latest invoice's;
amounts in other currencies are left out, never added up.
Source: reference crm-inventory, sections 1 and 9.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.crm.facts import Facts, Invoice, Subscription
from sync.crm.mrr import mrr_minor
from sync.crm.standing import (
    LIVE,
    billing_lifecycle,
    cancel_is_set,
    main_subscription,
    status_of,
    will_renew,
)
from sync.dashboard import dashboard_url
from sync.mirror.payments import Payments, refunded_minor

Fields = dict[str, Any]


def fields(facts: Facts) -> Mapping[str, Any]:
    """Return the snapshot of a customer. An erased one keeps ids, never contact data."""
    main = main_subscription(facts.subscriptions)
    currency = main_currency(facts, main)
    return {
        **_identity(facts, main),
        **_plan(facts, main),
        **_dates(facts, main),
        **_cancel(facts, main),
        **_money(facts, currency),
        **_failures(facts),
        **_payment_method(facts, main),
        **_links(facts),
    }


def main_currency(facts: Facts, main: Subscription | None) -> str | None:
    """Return the currency in which the customer's amounts are shown."""
    running = main.currency if main and status_of(main) in LIVE else None
    own = facts.customer.currency if facts.customer else None
    billed = [invoice.currency for invoice in facts.invoices if invoice.currency]
    return running or own or (billed[-1] if billed else None)


def _identity(facts: Facts, main: Subscription | None) -> Fields:
    known = facts.customer
    deleted = bool(known and known.deleted)
    return {
        "customer_id": facts.customer_id,
        "account": facts.account,
        "livemode": facts.livemode,
        "deleted": deleted,
        "email": known.email if known and not deleted else None,
        "name": known.name if known and not deleted else None,
        "status": status_of(main) if main else None,
        "billing_lifecycle": billing_lifecycle(facts),
        "delinquent": known.delinquent if known else None,
    }


def _plan(facts: Facts, main: Subscription | None) -> Fields:
    live = [each for each in facts.subscriptions if status_of(each) in LIVE]
    shown = live or ([main] if main else [])
    first = main.items[0] if main and main.items else None
    return {
        "subscription_id": main.id if main else None,
        "subscription_ids": sorted(each.id for each in live),
        "plan": first.name if first else None,
        "plans": sorted({item.name for each in shown for item in each.items}),
        "interval": first.interval if first else None,
        "interval_count": first.interval_count if first else None,
        "quantity": sum(item.quantity for item in main.items) if main else None,
        "coupon": next((each.coupon for each in _discounts(facts, main)), None),
    }


def _discounts(facts: Facts, main: Subscription | None) -> Sequence[Any]:
    return (main.discounts if main else ()) or facts.customer_discounts


def _dates(facts: Facts, main: Subscription | None) -> Fields:
    renewals = [
        each.current_period_end
        for each in facts.subscriptions
        if will_renew(each) and each.current_period_end
    ]
    return {
        "next_renewal_at": _iso(min(renewals, default=None)),
        "trial_end": _iso(main.trial_end if main else None),
        "paused_until": _iso(main.resumes_at if main and status_of(main) == "paused" else None),
    }


def _cancel(facts: Facts, main: Subscription | None) -> Fields:
    """Return when and why it ends or ended; all empty again once the customer is live."""
    ends = main and (cancel_is_set(main) or status_of(main) not in LIVE)
    shown = main if ends else None
    last = max(_with_reason(facts.subscriptions), key=_left_at, default=None)
    return {
        "cancel_at": _iso(_cancel_at(shown)),
        "canceled_at": _iso(shown.canceled_at if shown else None),
        "ended_at": _iso(shown.ended_at if shown else None),
        "cancel_reason": shown and shown.cancellation_reason,
        "cancel_feedback": shown and shown.cancellation_feedback,
        "last_cancel_reason": last and last.cancellation_reason,
        "last_cancel_feedback": last and last.cancellation_feedback,
    }


def _cancel_at(shown: Subscription | None) -> datetime | None:
    if shown is None or status_of(shown) not in LIVE:
        return None
    return shown.cancel_at or shown.current_period_end


def _with_reason(subscriptions: Sequence[Subscription]) -> list[Subscription]:
    return [each for each in subscriptions if each.cancellation_reason]


def _left_at(subscription: Subscription) -> tuple[float, str]:
    left = subscription.canceled_at or subscription.ended_at
    return (left.timestamp() if left else 0.0, subscription.id)


def _money(facts: Facts, currency: str | None) -> Fields:
    paid = [
        invoice
        for invoice in facts.invoices
        if invoice.status == "paid" and invoice.amount_paid_minor and invoice.currency == currency
    ]
    paid.sort(key=_paid_at)
    gross_minor = sum(invoice.amount_paid_minor for invoice in paid)
    return {
        "currency": currency,
        "mrr_minor": mrr_minor(facts.subscriptions, currency or "", facts.customer_discounts),
        "ltv_gross_minor": gross_minor,
        "ltv_net_minor": gross_minor - refunded_minor(_in(facts.payments, currency)),
        "first_paid_at": _iso(paid[0].paid_at if paid else None),
        "last_paid_at": _iso(paid[-1].paid_at if paid else None),
        "last_paid_minor": paid[-1].amount_paid_minor if paid else None,
    }


def _paid_at(invoice: Invoice) -> tuple[float, str]:
    return (invoice.paid_at.timestamp() if invoice.paid_at else 0.0, invoice.id)


def _in(payments: Payments, currency: str | None) -> Payments:
    return Payments(
        tuple(each for each in payments.charges if each.currency == currency),
        tuple(each for each in payments.refunds if each.currency == currency),
    )


def _failures(facts: Facts) -> Fields:
    failed = [each for each in facts.payments.charges if each.status == "failed"]
    refused = Counter(each.payment_intent for each in failed)
    owed = [each for each in facts.invoices if each.status == "open" and each.attempt_count]
    retried = any(each.next_payment_attempt for each in owed)
    return {
        "failed_payment_count": sum(_failed_attempts(each, refused) for each in facts.invoices),
        "last_failed_at": _iso(max((c.created for c in failed if c.created), default=None)),
        "dunning_stage": ("retrying" if retried else "exhausted") if owed else None,
    }


def _failed_attempts(invoice: Invoice, refused: Mapping[str | None, int]) -> int:
    """Return how many attempts to collect an invoice failed, each counted once.

    Of a paid one the last did not, unless the customer paid it by hand: that attempt is not
    counted among the invoice's, so as many were refused as it counts. `refused`: failed
    charges by payment intent. Source: docs.stripe.com/api/invoices/object, attempt_count.
    """
    if invoice.status != "paid":
        return invoice.attempt_count
    charges = sum(refused.get(intent, 0) for intent in invoice.payment_intents)
    return max(invoice.attempt_count - 1, min(charges, invoice.attempt_count), 0)


def _payment_method(facts: Facts, main: Subscription | None) -> Fields:
    own = facts.customer.default_payment_method if facts.customer else None
    charged = (main.default_payment_method if main else None) or own
    return {"card_expires": facts.card_expiry.get(charged) if charged else None}


def _links(facts: Facts) -> Fields:
    """Return where people look further; an open invoice's page shows contact data itself."""
    owed = [each for each in facts.invoices if each.status == "open"]
    erased = facts.customer is not None and facts.customer.deleted
    return {
        "open_invoice_id": owed[0].id if owed else None,
        "open_invoice_minor": owed[0].amount_remaining_minor if owed else None,
        "open_invoice_url": owed[0].hosted_invoice_url if owed and not erased else None,
        "stripe_url": dashboard_url(
            facts.account, f"customers/{facts.customer_id}", livemode=facts.livemode
        ),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
