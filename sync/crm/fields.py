"""The fields of a snapshot as vendors keep them: kinds, labels, names, and values.

Vendors get money in major units by Stripe's exponents, dates as dates, and names of ours with
`stripe` in front, unless the settings name another field or turn one off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sync.money import major

Kind = Literal["text", "long_text", "number", "money", "date", "datetime", "boolean", "choice"]
Value = str | bool | Decimal | None


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `choices` are all values of a `choice`."""

    name: str
    kind: Kind
    label: str
    choices: Sequence[str] = ()

    @property
    def plain(self) -> str:
        """Return the name without its unit: vendors get major units."""
        return self.name.removesuffix("_minor")


_STATUSES = (
    *("active", "trialing", "past_due", "paused", "unpaid"),
    *("incomplete", "incomplete_expired", "canceled"),
)
_LIFECYCLES = ("lead", "trialing", "active", "at_risk", "paused", "churned")
_MOVEMENTS = ("new", "expansion", "contraction", "churn", "reactivation", "pause", "resume")
_ACCESS = ("none", "ok", "grace", "restricted", "suspended")
_INTERVALS = ("day", "week", "month", "year")

# E-mail and name are no such fields: vendors get them only to find or make the contact.
FIELDS: Sequence[Field] = (
    Field("customer_ids", "text", "Customer ids"),
    Field("livemode", "boolean", "Live mode"),
    Field("deleted", "boolean", "Customer deleted"),
    Field("billing_lifecycle", "choice", "Billing lifecycle", _LIFECYCLES),
    Field("status", "choice", "Subscription status", _STATUSES),
    Field("delinquent", "boolean", "Delinquent"),
    Field("subscription_id", "text", "Subscription id"),
    Field("subscription_ids", "long_text", "Subscription ids"),
    Field("plan", "text", "Plan"),
    Field("plans", "long_text", "Plans"),
    Field("interval", "choice", "Billing interval", _INTERVALS),
    Field("interval_count", "number", "Intervals between bills"),
    Field("quantity", "number", "Quantity"),
    Field("coupon", "text", "Coupon"),
    Field("next_renewal_at", "datetime", "Next renewal"),
    Field("trial_end", "datetime", "Trial end"),
    Field("paused_until", "datetime", "Paused until"),
    Field("cancel_at", "datetime", "Cancels at"),
    Field("canceled_at", "datetime", "Cancellation asked for at"),
    Field("ended_at", "datetime", "Ended at"),
    Field("cancel_reason", "text", "Cancellation reason"),
    Field("cancel_feedback", "text", "Cancellation feedback"),
    Field("last_cancel_reason", "text", "Last cancellation reason"),
    Field("last_cancel_feedback", "text", "Last cancellation feedback"),
    Field("currency", "text", "Currency"),
    Field("mrr_minor", "money", "MRR"),
    Field("mrr_movement", "choice", "Last MRR movement", _MOVEMENTS),
    Field("mrr_delta_minor", "money", "Last MRR change"),
    Field("mrr_moved_at", "datetime", "Last MRR movement at"),
    Field("ltv_gross_minor", "money", "Lifetime value, gross"),
    Field("ltv_net_minor", "money", "Lifetime value, net"),
    Field("first_paid_at", "datetime", "First paid at"),
    Field("last_paid_at", "datetime", "Last paid at"),
    Field("last_paid_minor", "money", "Last amount paid"),
    Field("failed_payment_count", "number", "Failed payments"),
    Field("last_failed_at", "datetime", "Last failed payment at"),
    Field("dunning_stage", "choice", "Dunning stage", ("retrying", "exhausted")),
    Field("access_state", "choice", "Access", _ACCESS),
    Field("access_reason", "text", "Access reason"),
    Field("access_since", "datetime", "Access since"),
    Field("access_until", "datetime", "Access until"),
    Field("card_expires", "date", "Card expires"),
    Field("churn_risk", "number", "Churn risk"),
    Field("churn_risk_band", "choice", "Churn risk band", ("low", "medium", "high")),
    Field("churn_risk_reasons", "long_text", "Churn risk reasons"),
    Field("open_invoice_id", "text", "Open invoice id"),
    Field("open_invoice_minor", "money", "Open invoice amount"),
    Field("open_invoice_url", "long_text", "Open invoice"),
    Field("stripe_url", "text", "Dashboard"),
)
BY_NAME: Mapping[str, Field] = {field.name: field for field in FIELDS}

Naming = Mapping[str, str | None]
"""Our field -> the vendor's, None: it is turned off. What is not in it keeps our own name."""


def named(default: Mapping[str, str], naming: Naming) -> dict[str, str]:
    """Return the vendor's name of each field that is on: `naming` where it says so."""
    chosen = {name: naming.get(name, default[name]) for name in default}
    return {name: theirs for name, theirs in chosen.items() if theirs}


def value_of(field: Field, snapshot: Mapping[str, Any]) -> Value:
    """Return a field's value: money in major units, lists as text, None where there is none.

    A text of a `choice` that Stripe may add one day is left out, as vendors refuse it.
    """
    value = snapshot.get(field.name)
    if value is None:
        return None
    if field.kind == "money":
        return major(value, snapshot["currency"]) if snapshot.get("currency") else None
    if field.kind == "number":
        return Decimal(value)
    if field.kind == "choice":
        return value if value in field.choices else None
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return bool(value) if field.kind == "boolean" else str(value)
