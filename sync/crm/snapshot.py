"""What a CRM shall know of one customer: from facts to fields, by the rulings of the reference.

Money is `*_minor` integers in `currency`, times are ISO 8601 UTC, and None says that a field
does not apply. A customer with several currencies is shown in the main one: that of the
subscription that stands for them, else the customer's own, else their latest invoice's;
amounts in other currencies are left out, never added up.
Source: reference crm-inventory, sections 1 and 9.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sync.crm import risk
from sync.crm.coupons import AppliedCoupon
from sync.crm.facts import Facts
from sync.crm.revenue import Movement, last_movement, mrr_minor, next_change
from sync.crm.standing import LIVE, billing_lifecycle, main_subscription, status_of, will_renew
from sync.crm.takings import (
    Takings,
    failed_attempts,
    is_under_way,
    last_failed_at,
    returned_minor,
)
from sync.dashboard import dashboard_url
from sync.mirror.facts import InvoiceFacts, SubscriptionFacts

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Picture:
    """The fields of a snapshot, and when time alone may change one of them next."""

    fields: Mapping[str, Any]
    look_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The facts at one instant, with what several fields are told by."""

    facts: Facts
    now: datetime
    main: SubscriptionFacts | None
    currency: str | None
    movement: Movement | None
    failed_payments: int
    dunning_stage: str | None
    card_expires: date | None

    @property
    def signs(self) -> risk.Signs | None:
        """Return what the risk is told by; None where nothing is live."""
        if self.main is None or not risk.is_live(self.main):
            return None
        return risk.Signs(
            main=self.main,
            now=self.now,
            facts=self.facts,
            movement=self.movement,
            card_expires=self.card_expires,
            failed_payments=self.failed_payments,
            dunning_stage=self.dunning_stage,
        )


def picture(facts: Facts, now: datetime) -> Picture:
    """Return the snapshot of a customer at `now`. An erased one keeps ids, never contact data."""
    seen = _look(facts, now)
    parts = (_identity, _plan, _dates, _cancel, _money, _failures, _access, _risk, _links)
    fields = {name: value for part in parts for name, value in part(seen).items()}
    return Picture(fields, _look_at(seen))


def main_currency(facts: Facts, main: SubscriptionFacts | None) -> str | None:
    """Return the currency in which the customer's amounts are shown."""
    running = main.currency or _of_items(main) if main and status_of(main) in LIVE else None
    own = facts.customer.currency if facts.customer else None
    billed = [invoice.currency for invoice in facts.invoices if invoice.currency]
    return running or own or (billed[-1] if billed else None)


def _of_items(main: SubscriptionFacts) -> str | None:
    return next((item.currency for item in main.items if item.currency), None)


def _look(facts: Facts, now: datetime) -> _Seen:
    main = main_subscription(facts.subscriptions)
    currency = main_currency(facts, main)
    return _Seen(
        facts=facts,
        now=now,
        main=main,
        currency=currency,
        movement=last_movement(facts.revenue, currency, now),
        failed_payments=failed_attempts(facts.takings, facts.invoices),
        dunning_stage=_dunning_stage(facts.invoices, facts.takings),
        card_expires=_card_expires(facts, main),
    )


def _look_at(seen: _Seen) -> datetime | None:
    """Return the next instant at which something may be another thing without any event."""
    access, signs = seen.facts.access, seen.signs
    turns = [
        next_change(seen.facts.revenue, seen.now),
        access.look_at if access else None,
        risk.next_look(signs) if signs else None,
        *(each.ends_at for each in _coupons(seen)),
    ]
    return min((at for at in turns if at), default=None)


def _identity(seen: _Seen) -> Fields:
    facts, known = seen.facts, seen.facts.customer
    deleted = bool(known and known.deleted)
    return {
        "customer_id": facts.customer_id,
        # Several where they are one contact over there: see `sync.crm.merging`.
        "customer_ids": [facts.customer_id],
        "account": facts.account,
        "livemode": facts.livemode,
        "deleted": deleted,
        "email": known.email if known and not deleted else None,
        "name": known.name if known and not deleted else None,
        "status": status_of(seen.main) if seen.main else None,
        "billing_lifecycle": billing_lifecycle(facts),
        "delinquent": known.delinquent if known else None,
    }


def _plan(seen: _Seen) -> Fields:
    main = seen.main
    live = [each for each in seen.facts.subscriptions if status_of(each) in LIVE]
    shown = live or ([main] if main else [])
    first = main.items[0] if main and main.items else None
    return {
        "subscription_id": main.id if main else None,
        "subscription_ids": sorted(each.id for each in live),
        "plan": (first.product_name or first.price) if first else None,
        "plans": sorted(
            {item.product_name or item.price or "" for each in shown for item in each.items}
        ),
        "interval": first.interval if first else None,
        "interval_count": first.interval_count if first else None,
        "quantity": sum(item.quantity for item in main.items) if main else None,
        "coupon": next((each.coupon for each in _coupons(seen)), None),
    }


def _coupons(seen: _Seen) -> Sequence[AppliedCoupon]:
    """Return the coupons at work; a customer's gives way to those of the subscription itself."""
    for owner in (seen.main.id if seen.main else "", seen.facts.customer_id):
        named = seen.facts.coupons.get(owner, ())
        if found := [each for each in named if each.ends_at is None or seen.now < each.ends_at]:
            return found
    return ()


def _dates(seen: _Seen) -> Fields:
    main = seen.main
    renewals = [
        each.current_period_end
        for each in seen.facts.subscriptions
        if will_renew(each) and each.current_period_end
    ]
    return {
        "next_renewal_at": _iso(min(renewals, default=None)),
        "trial_end": _iso(main.trial_end if main else None),
        "paused_until": _iso(main.resumes_at if main and status_of(main) == "paused" else None),
    }


def _cancel(seen: _Seen) -> Fields:
    """Return when and why it ends or ended; all empty again once the customer is live."""
    main, everything = seen.main, seen.facts.subscriptions
    ends = main and (main.cancel_is_set or status_of(main) not in LIVE)
    shown = main if ends else None
    told = [each for each in everything if each.cancellation_reason]
    last = max(told, key=_left_at, default=None)
    return {
        "cancel_at": _iso(shown.ends_at if shown and status_of(shown) in LIVE else None),
        "canceled_at": _iso(shown.canceled_at if shown else None),
        "ended_at": _iso(shown.ended_at if shown else None),
        "cancel_reason": shown and shown.cancellation_reason,
        "cancel_feedback": shown and shown.cancellation_feedback,
        "last_cancel_reason": last and last.cancellation_reason,
        "last_cancel_feedback": last and last.cancellation_feedback,
    }


def _left_at(subscription: SubscriptionFacts) -> tuple[float, str]:
    left = subscription.canceled_at or subscription.ended_at
    return (left.timestamp() if left else 0.0, subscription.id)


def _money(seen: _Seen) -> Fields:
    currency, moved = seen.currency, seen.movement
    paid = [
        each
        for each in seen.facts.invoices
        if each.status == "paid" and each.amount_paid_minor and each.currency == currency
    ]
    paid.sort(key=_paid_at)
    gross_minor = sum(invoice.amount_paid_minor for invoice in paid)
    return {
        "currency": currency,
        "mrr_minor": mrr_minor(seen.facts.revenue, currency, seen.now),
        "mrr_movement": moved and moved.kind,
        "mrr_delta_minor": moved and moved.delta_minor,
        "mrr_moved_at": _iso(moved.at if moved else None),
        "ltv_gross_minor": gross_minor,
        "ltv_net_minor": gross_minor - returned_minor(seen.facts.takings, currency),
        "first_paid_at": _iso(_when_paid(paid[0]) if paid else None),
        "last_paid_at": _iso(_when_paid(paid[-1]) if paid else None),
        "last_paid_minor": paid[-1].amount_paid_minor if paid else None,
    }


def _when_paid(invoice: InvoiceFacts) -> datetime | None:
    return invoice.paid_at or invoice.finalized_at or invoice.created


def _paid_at(invoice: InvoiceFacts) -> tuple[float, str]:
    at = _when_paid(invoice)
    return (at.timestamp() if at else 0.0, invoice.id)


def _failures(seen: _Seen) -> Fields:
    return {
        "failed_payment_count": seen.failed_payments,
        "last_failed_at": _iso(last_failed_at(seen.facts.takings)),
        "dunning_stage": seen.dunning_stage,
    }


def _dunning_stage(invoices: Sequence[InvoiceFacts], takings: Takings) -> str | None:
    """Return whether a failed invoice is still retried; None where none is open."""
    tried = [each for each in invoices if each.status == "open" and each.attempt_count]
    owed = [each for each in tried if each.attempt_count > is_under_way(each, takings)]
    retried = any(each.next_payment_attempt for each in owed)
    return ("retrying" if retried else "exhausted") if owed else None


def _access(seen: _Seen) -> Fields:
    """Return who may use the service; nobody whom access was never looked at for."""
    access = seen.facts.access
    return {
        "access_state": access.state if access else "none",
        "access_reason": access and access.reason,
        "access_since": _iso(access.since if access else None),
        "access_until": _iso(access.until if access else None),
    }


def _card_expires(facts: Facts, main: SubscriptionFacts | None) -> date | None:
    """Return the last good day of the card that the next invoice would be charged to."""
    own = facts.customer.default_payment_method if facts.customer else None
    charged = (main.default_payment_method if main else None) or own
    return facts.card_expires.get(charged or "")


def _risk(seen: _Seen) -> Fields:
    found = risk.risk_of(seen.signs) if seen.signs else None
    return {
        "card_expires": seen.card_expires.isoformat() if seen.card_expires else None,
        "churn_risk": found and found.score,
        "churn_risk_band": found and found.band,
        "churn_risk_reasons": list(found.reasons) if found else [],
    }


def _links(seen: _Seen) -> Fields:
    """Return where people look further; an open invoice's page shows contact data itself."""
    facts = seen.facts
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
