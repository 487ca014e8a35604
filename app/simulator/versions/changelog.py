"""What moved when: Stripe's breaking changes to the objects of the mirror, newest first.

Sources: docs.stripe.com/changelog, one page per version.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.simulator.versions import invoices, payments, subscriptions
from app.simulator.versions.fields import Step, renamed


@dataclass(frozen=True, slots=True)
class Change:
    """A breaking change: the first version with the new shape, and the way back from it."""

    since: str
    objects: tuple[str, ...]
    undo: Step


_BASIL = "2025-03-31.basil"

CHANGELOG = (
    Change("2026-03-25.dahlia", ("checkout.session",), payments.ui_mode),
    Change("2025-09-30.clover", ("discount",), payments.discounted_by),
    Change("2025-09-30.clover", ("promotion_code",), payments.promoted),
    Change(_BASIL, ("subscription",), subscriptions.period_on_top),
    Change(_BASIL, ("invoice", "subscription"), subscriptions.one_discount),
    Change(_BASIL, ("invoice",), invoices.origin),
    Change(_BASIL, ("invoice",), invoices.paid_flag),
    Change(_BASIL, ("invoice",), invoices.tax_total),
    Change(_BASIL, ("line_item", "invoiceitem"), invoices.priced),
    Change(_BASIL, ("line_item",), invoices.line_origin),
    Change(_BASIL, ("invoiceitem",), invoices.item_origin),
    Change(_BASIL, ("line_item", "credit_note_line_item"), invoices.line_taxes),
    Change(_BASIL, ("credit_note",), invoices.note_taxes),
    Change(_BASIL, ("credit_note",), payments.one_refund),
    Change(_BASIL, ("payment_intent",), payments.intent_of_invoice),
    Change(_BASIL, ("checkout.session",), payments.shipping_on_top),
    Change("2024-04-10", ("product",), renamed("marketing_features", "features")),
    Change("2024-04-10", ("invoice",), renamed("rendering", "rendering_options")),
    Change("2022-11-15", ("payment_intent",), payments.charges_of_intent),
    Change("2022-11-15", ("charge",), payments.refunds_of_charge),
    Change("2022-08-01", ("checkout.session",), payments.shipping_rate),
    Change("2020-08-27", ("customer",), payments.embedded_lists),
    Change("2020-08-27", ("subscription", "invoice"), subscriptions.tax_percent),
    Change("2020-08-27", ("subscription_schedule",), subscriptions.phases_of_plans),
    Change("2020-08-27", ("charge",), payments.authenticated),
    Change(
        "2020-08-27", ("subscription_item", "line_item", "invoiceitem"), subscriptions.plan_only
    ),
    Change("2019-12-03", ("line_item",), invoices.legacy_id),
    Change("2019-11-05", ("subscription_schedule",), subscriptions.settings_on_top),
    Change("2019-10-17", ("customer",), renamed("balance", "account_balance")),
    Change("2019-10-17", ("subscription", "invoice"), renamed("collection_method", "billing")),
    Change("2019-10-17", ("subscription_schedule",), subscriptions.renewal),
    Change("2019-10-17", ("subscription",), renamed("start_date", "start")),
    Change("2019-03-14", ("invoice",), invoices.finalized),
    Change("2019-03-14", ("invoice",), renamed("created", "date")),
)

RENAMED_EVENTS: Mapping[str, tuple[str, str]] = {
    "payment_method.automatically_updated": (
        "payment_method.card_automatically_updated",
        "2020-08-27",
    ),
}
"""Event types by their newest name: the name before, and the first version of the new one."""
