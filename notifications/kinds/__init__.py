"""The registry of mails: one file each, its templates in `templates/<name>/`, one line here."""

from collections.abc import Mapping

from notifications.kind import Kind
from notifications.kinds import (
    access_suspended,
    action_required,
    annual_terms_reminder,
    cancel_reversed,
    cancel_scheduled,
    card_expiring,
    digest,
    dispute_alert,
    dunning_task,
    ended_nonpayment,
    ended_voluntary,
    final_notice,
    invoice_due,
    paused,
    payment_failed,
    payment_recovered,
    price_change,
    promo_ending,
    receipt,
    refund_confirmed,
    renewal_reminder,
    resuming,
    subscription_started,
    trial_ended_no_card,
    trial_ending,
    winback_delinquent,
    winback_task,
    winback_voluntary,
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        subscription_started.KIND,
        trial_ending.KIND,
        promo_ending.KIND,
        trial_ended_no_card.KIND,
        renewal_reminder.KIND,
        annual_terms_reminder.KIND,
        price_change.KIND,
        card_expiring.KIND,
        action_required.KIND,
        payment_failed.KIND,
        final_notice.KIND,
        payment_recovered.KIND,
        dunning_task.KIND,
        access_suspended.KIND,
        ended_nonpayment.KIND,
        cancel_scheduled.KIND,
        cancel_reversed.KIND,
        ended_voluntary.KIND,
        paused.KIND,
        resuming.KIND,
        receipt.KIND,
        refund_confirmed.KIND,
        invoice_due.KIND,
        winback_delinquent.KIND,
        winback_voluntary.KIND,
        winback_task.KIND,
        dispute_alert.KIND,
        digest.KIND,
    )
}
