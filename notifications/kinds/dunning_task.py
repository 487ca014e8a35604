"""A customer who pays more than nine of ten still owes: a person shall write or call.

Goes to INTERNAL_INBOX at step 2 of a campaign. Source: lifecycle, section 3.
"""

from collections.abc import Mapping
from typing import Any

from notifications.case import Case
from notifications.dunning import sending
from notifications.dunning.samples import step_case
from notifications.dunning.sending import NEEDS, debts
from notifications.kind import Kind, Verdict
from notifications.policy import MailPolicy
from notifications.timing import TIMINGS
from sync.changes import Skipped
from sync.dashboard import dashboard_url

NAME = "dunning_task"


def check(case: Case) -> Verdict:
    """Return why nobody needs to act, None while something is owed."""
    return None if debts(case) else Skipped("settled")


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; the customer only by id and a link to Stripe."""
    told, who = sending.context(case), case.customer
    names = ("amount", "plans", "invoice_numbers", "next_attempt", "ends_at")
    return {
        **{name: told[name] for name in names},
        "customer_id": who.id,
        "customer_url": dashboard_url(who.account, f"customers/{who.id}", livemode=who.livemode),
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each way the text can turn."""
    return {
        "retried": step_case(policy, step=2),
        "no-more-retries": step_case(policy, step=2, next_attempt=None),
    }


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    needs=NEEDS,
)
