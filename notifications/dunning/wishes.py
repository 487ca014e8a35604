"""What to read from Stripe so that a failure's reason becomes known: the tie to its payment.

Since 2025-03-31.basil an invoice names its payments only when read with them expanded.
"""

from collections.abc import Sequence

from notifications.policy import MailPolicy
from sync.changes import Change
from sync.mirror.payments import names_a_payment
from sync.store.refetch import Wish

# By then the events of the same failure have come, and nothing may be left to ask.
_TOLD_BY_S = 5.0


def wishes(changes: Sequence[Change], policy: MailPolicy) -> list[Wish]:
    """Return the failed invoices that do not say by what they were to be paid.

    Only where there is a key to read with; what is asked for twice is read once.
    """
    return [
        Wish(
            object="invoice",
            id=change.id,
            account=change.account,
            reason="payments",
            event_id=change.event_id,
            event_type=change.event_type,
            delay_s=_TOLD_BY_S,
        )
        for change in changes
        if change.object == "invoice"
        and change.account in policy.accounts
        and change.after.get("status") == "open"
        and change.after.get("attempt_count")
        and not names_a_payment(change.after)
    ]
