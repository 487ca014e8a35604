"""The bank wants the customer to confirm a payment (3-D Secure): nobody else can.

Takes the place of the same attempt's failure mail. Source: lifecycle, row 9 and rulings.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from notifications.case import Case, Mail
from notifications.dunning import sending
from notifications.dunning.samples import step_case
from notifications.dunning.sending import NEEDS, RECALLS, check_step, live_invoices
from notifications.kind import Kind
from notifications.policy import MailPolicy

NAME = "action_required"

check = check_step(NAME)


def context(case: Case) -> Mapping[str, Any]:
    """Return what all steps may name, and whether the customer `is_asked_again` to confirm.

    The step's number does not tell it: the bank may ask at any step of a campaign.
    """
    told = [mail for mail in case.mails if mail.kind == NAME and mail.went_out]
    campaign = case.subject["campaign"]
    is_asked_again = any(mail.subject.get("campaign") == campaign for mail in told)
    return {**sending.context(case, NAME), "is_asked_again": is_asked_again}


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    again = step_case(policy, step=2, copy="confirm")
    first = Mail(kind=NAME, subject=again.subject, state="sent", at=again.now)
    return {
        "first": step_case(policy, copy="confirm"),
        "again": replace(again, mails=(first,)),
        "single-invoice": step_case(policy, copy="confirm", subscribed=False),
    }


KIND = Kind(
    name=NAME,
    category="transactional",
    check=check,
    context=context,
    samples=sample_cases,
    needs=NEEDS,
    recalls=RECALLS,
    live=partial(live_invoices, kind=NAME),
)
