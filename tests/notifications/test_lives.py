"""Whole lives of a customer, told by events: what they are written about on the way."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest
from sqlalchemy import Engine

from app.simulator.simulate import simulate
from notifications.kinds.cancel_scheduled import DEBOUNCE
from notifications.planning import plan
from sync.changes import Effect
from sync.store import outbox
from tests.mirror.fold import fold
from tests.notifications import shop

KINDS = frozenset(
    {
        "subscription_started",
        "trial_ended_no_card",
        "access_suspended",
        "ended_nonpayment",
        "cancel_scheduled",
        "cancel_reversed",
        "ended_voluntary",
        "paused",
        "refund_confirmed",
        "dispute_alert",
    }
)
POLICY = shop.policy(internal_inbox="us@garden.example")


def wanted(effects: Sequence[Effect]) -> list[Effect]:
    return [effect for effect in effects if effect.kind in KINDS]


def live(engine: Engine, mail_url: str, life: str) -> None:
    """Play a life; what happens within one hour arrives in any order."""
    mixed = random.Random(life)
    events = sorted(simulate(7, life, start=shop.NOW).events, key=lambda event: event["created"])
    for _, group in groupby(events, key=lambda event: event["created"] // 3600):
        hour = list(group)
        for event in mixed.sample(hour, len(hour)):
            changes = fold(engine, [[event]])
            with engine.begin() as conn:
                outbox.add(conn, wanted(plan(changes, POLICY)))
        now = datetime.fromtimestamp(hour[-1]["created"], UTC)
        shop.deliver_due(engine, mail_url, now + DEBOUNCE, POLICY)


@pytest.mark.parametrize(
    ("life", "mails"),
    [
        pytest.param("incomplete_expired", [], id="never-paid"),
        pytest.param(
            "cancel_at_period_end_and_come_back",
            ["subscription_started", "cancel_scheduled", "cancel_reversed"],
            id="changed-their-mind",
        ),
        pytest.param(
            "trial_canceled",
            ["subscription_started", "cancel_scheduled", "ended_voluntary"],
            id="left-in-the-trial",
        ),
        pytest.param(
            "failed_payment_canceled", ["subscription_started", "ended_nonpayment"], id="not-paid"
        ),
        pytest.param(
            "trial_ended_without_card",
            ["subscription_started", "trial_ended_no_card"],
            id="gave-a-card-later",
        ),
        pytest.param("paused_and_resumed", ["subscription_started", "paused"], id="took-a-break"),
        pytest.param(
            "refund_partial",
            ["subscription_started", "refund_confirmed", "refund_confirmed"],
            id="two-refunds",
        ),
        pytest.param(
            "dispute_lost",
            ["subscription_started", "dispute_alert", "dispute_alert", "dispute_alert"],
            id="warned-disputed-ended",
        ),
        pytest.param("customer_deleted", ["subscription_started"], id="deleted"),
    ],
)
def test_a_life_is_accompanied_by_its_mails(
    engine: Engine, tmp_path: Any, life: str, mails: list[str]
) -> None:
    live(engine, tmp_path.as_uri(), life)

    told = shop.rows(engine, "kind, state")
    assert [kind for kind, state in told if state == "sent"] == mails
    assert {state for _, state in told} <= {"sent", "skipped"}
