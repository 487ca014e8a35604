"""The last warning before the service ends for want of payment: by which day, and how to keep it.

Three days ahead, or at once when Stripe plans no further retry; then it takes the place of that
attempt's `payment_failed`. Source: lifecycle, row 11 and rulings.
"""

from collections.abc import Mapping

from notifications.case import Case
from notifications.dunning.samples import open_invoice, several, step_case
from notifications.dunning.sending import NEEDS, RECALLS, check_step, context, live_invoices
from notifications.kind import Kind
from notifications.policy import MailPolicy

NAME = "final_notice"

check = check_step(NAME)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    other = open_invoice(id_="in_sample_2", number="GB-0043", amount_minor=1000)
    return {
        "dated": step_case(policy, step=4, next_attempt=None),
        "still-retried": step_case(policy, step=4),
        "card": step_case(policy, step=4, copy="card", next_attempt=None),
        "confirm": step_case(policy, step=4, copy="confirm", next_attempt=None),
        "single-invoice": step_case(policy, step=4, subscribed=False, next_attempt=None),
        "several": several(policy, [open_invoice(amount_minor=1900), other], step=4),
    }


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    needs=NEEDS,
    recalls=RECALLS,
    live=live_invoices,
)
