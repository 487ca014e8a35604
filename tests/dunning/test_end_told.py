"""The day a mail names as the end is never before a charge that Stripe still plans."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifications.dunning.sending import context
from notifications.kinds import KINDS
from notifications.policy import MailPolicy

POLICY = MailPolicy(
    sender="shop@shop.example", public_url="https://shop.example", link_secrets=("s",)
)
SAMPLES = KINDS["payment_failed"].samples(POLICY)
RETRIED = next(case for case in SAMPLES.values() if context(case)["next_attempt"])


@pytest.mark.parametrize(
    ("days", "told_days"),
    [
        pytest.param(-1, 0, id="our-window-ends-before-the-retry"),
        pytest.param(0, 0, id="with-it"),
        pytest.param(2, 2, id="after-it"),
    ],
)
def test_the_end_comes_with_the_last_planned_charge_at_the_earliest(
    days: int, told_days: int
) -> None:
    planned = context(RETRIED)["next_attempt"]
    terminal = int((planned + timedelta(days=days)).timestamp())
    case = replace(RETRIED, subject={**RETRIED.subject, "terminal": str(terminal)})

    assert context(case)["ends_at"] == planned + timedelta(days=told_days)
