"""The registry of mirrored objects: one file each, one line here."""

from collections.abc import Mapping

from sync.mirror.objects import (
    billing_meter,
    charge,
    checkout_session,
    coupon,
    credit_note,
    customer,
    discount,
    dispute,
    early_fraud_warning,
    entitlement_summary,
    invoice,
    invoice_item,
    invoice_payment,
    other,
    payment_intent,
    payment_link,
    payment_method,
    payout,
    plan,
    price,
    product,
    promotion_code,
    quote,
    refund,
    review,
    setup_intent,
    subscription,
    subscription_schedule,
    tax_id,
    tax_rate,
    test_clock,
)
from sync.mirror.tables import MirroredObject

OBJECTS: Mapping[str, MirroredObject] = {
    mirrored.name: mirrored
    for mirrored in (
        customer.OBJECT,
        tax_id.OBJECT,
        product.OBJECT,
        price.OBJECT,
        plan.OBJECT,
        billing_meter.OBJECT,
        tax_rate.OBJECT,
        coupon.OBJECT,
        promotion_code.OBJECT,
        discount.OBJECT,
        test_clock.OBJECT,
        subscription.OBJECT,
        subscription_schedule.OBJECT,
        quote.OBJECT,
        invoice.OBJECT,
        invoice_item.OBJECT,
        invoice_payment.OBJECT,
        credit_note.OBJECT,
        entitlement_summary.OBJECT,
        payment_method.OBJECT,
        setup_intent.OBJECT,
        payment_intent.OBJECT,
        charge.OBJECT,
        refund.OBJECT,
        dispute.OBJECT,
        early_fraud_warning.OBJECT,
        review.OBJECT,
        payment_link.OBJECT,
        checkout_session.OBJECT,
        payout.OBJECT,
    )
}
OTHER = other.OBJECT


def mirrored(object_type: str) -> MirroredObject:
    """Return how objects of `object_type` are mirrored; unknown types are kept whole."""
    return OBJECTS.get(object_type, OTHER)
