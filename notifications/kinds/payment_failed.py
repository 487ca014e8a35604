"""A charge failed: calm mails by the reason of the failure and by time, until it is settled.

One campaign per customer (see `notifications.dunning`), never one mail per event: Stripe
counts attempts that were never made, so no mail says how often we tried.
Source: lifecycle, row 10 and section 3.
"""

from collections.abc import Mapping

from notifications import samples
from notifications.case import Case
from notifications.dunning import store
from notifications.dunning.samples import open_invoice, several, step_case
from notifications.dunning.sending import NEEDS, RECALLS, check_step, context, live_invoices
from notifications.kind import Kind
from notifications.policy import MailPolicy

NAME = "payment_failed"

check = check_step(NAME)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    other = open_invoice(id_="in_sample_2", number="GB-0043", amount_minor=1000)
    return {
        "first": step_case(policy),
        "second": step_case(policy, step=2),
        "third-no-more-retries": step_case(policy, step=3, next_attempt=None),
        "single-invoice": step_case(policy, subscribed=False),
        "being-charged": step_case(policy, step=2, next_attempt=samples.NOW),
        "retried": step_case(policy, copy="retry"),
        "card": step_case(policy, copy="card"),
        "card-again": step_case(policy, step=3, copy="card"),
        "bank": step_case(policy, copy="bank"),
        "bank-again": step_case(policy, step=2, copy="bank"),
        "other": step_case(policy, copy="other"),
        "revoked": step_case(policy, copy="revoked"),
        "loyal": step_case(policy, copy="retry", tone="loyal"),
        "repeat": step_case(policy, copy="bank", tone="repeat"),
        "several": several(policy, [open_invoice(amount_minor=1900), other], step=2),
    }


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    # All campaigns at once; their other mails have no scan of their own.
    scan=store.scan,
    needs=NEEDS,
    recalls=RECALLS,
    live=live_invoices,
)
