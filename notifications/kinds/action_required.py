"""The bank wants the customer to confirm a payment (3-D Secure): nobody else can.

Takes the place of the same attempt's failure mail. Source: lifecycle, row 9 and rulings.
"""

from collections.abc import Mapping
from functools import partial

from notifications.case import Case
from notifications.dunning.samples import step_case
from notifications.dunning.sending import NEEDS, RECALLS, check_step, context, live_invoices
from notifications.kind import Kind
from notifications.policy import MailPolicy

NAME = "action_required"

check = check_step(NAME)


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "first": step_case(policy, copy="confirm"),
        "again": step_case(policy, step=2, copy="confirm"),
        "single-invoice": step_case(policy, copy="confirm", subscribed=False),
    }


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=partial(context, kind=NAME),
    samples=sample_cases,
    needs=NEEDS,
    recalls=RECALLS,
    live=partial(live_invoices, kind=NAME),
)
