"""An invoice paid by hand is sent, announced, and asked for, until it is settled."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications.kind import LOOK_AHEAD
from notifications.kinds import invoice_due
from sync.changes import Done, RetryIn, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

DUE = NOW + 14 * DAY


def invoice(due: datetime | None = DUE, **changed: Any) -> dict[str, Any]:
    issued = {"finalized_at": shop.seconds(NOW)}
    return shop.invoice(
        **{
            "collection_method": "send_invoice",
            "due_date": shop.seconds(due),
            "status_transitions": issued,
            "attempt_count": 0,
            "billing_reason": "manual",
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("due_in", "steps"),
    [
        pytest.param(14 * DAY, ["issue", "-3", "+1", "+7", "+14"], id="two-weeks"),
        pytest.param(4 * DAY + SECOND, ["issue", "-3", "+1", "+7", "+14"], id="just-enough"),
        pytest.param(4 * DAY, ["issue", "+1", "+7", "+14"], id="no-time-to-remind"),
        pytest.param(timedelta(0), ["issue", "+7", "+14"], id="at-once"),
    ],
)
def test_the_steps_from_issue_and_due_date(
    engine: Engine, due_in: timedelta, steps: list[str]
) -> None:
    shop.plan(engine, shop.mirror(engine, invoice(NOW + due_in)))

    days = {"issue": timedelta(0)} | {
        step: due_in + timedelta(days=int(step)) for step in steps if step != "issue"
    }
    found = shop.rows(engine, "key, due_at, expires_at - due_at")
    expected = [(f":test:invoice_due:in_1:{step}", NOW + days[step], 3 * DAY) for step in steps]
    assert found == sorted(expected, key=lambda row: row[1])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"status": "draft"}, id="draft"),
        pytest.param({"status": "paid"}, id="paid"),
        pytest.param({"amount_remaining": 0}, id="nothing-owed"),
        pytest.param({"due_date": None}, id="no-due-date"),
        pytest.param({"collection_method": "charge_automatically"}, id="charged"),
    ],
)
def test_what_nobody_has_to_pay_by_hand(engine: Engine, changed: dict[str, Any]) -> None:
    shop.plan(engine, shop.mirror(engine, invoice(**changed)))

    assert [row for row in shop.rows(engine, "kind") if row[0] == "invoice_due"] == []


@pytest.mark.parametrize(
    ("at", "also", "outcome"),
    [
        pytest.param(NOW, [], None, id="issued"),
        pytest.param(NOW, [invoice(status="void")], Skipped("void"), id="void"),
        pytest.param(NOW, [invoice(status="paid")], Skipped("paid"), id="paid"),
        pytest.param(NOW, [invoice(status="uncollectible")], Skipped("uncollectible"), id="lost"),
        pytest.param(NOW, [invoice(amount_remaining=0)], Skipped("paid"), id="settled"),
        pytest.param(NOW, [invoice(due_date=None)], Skipped("no_due_date"), id="no-due-date"),
        pytest.param(NOW, [invoice(DUE + DAY)], None, id="issue-whatever-the-date"),
        pytest.param(
            NOW,
            [
                {
                    "id": "pi_1",
                    "object": "payment_intent",
                    "customer": "cus_1",
                    "status": "processing",
                    "created": shop.seconds(NOW),
                }
            ],
            RetryIn(3600.0, "payment_processing"),
            id="on-its-way",
        ),
    ],
)
def test_what_stops_it(
    engine: Engine, tmp_path: Any, at: datetime, also: list[Any], outcome: Any
) -> None:
    changes = shop.mirror(engine, shop.customer(), invoice(), shop.subscription(NOW + 90 * DAY))
    shop.plan(engine, changes)
    shop.mirror(engine, *also, at=NOW + SECOND)
    (found,) = shop.deliver_due(engine, tmp_path.as_uri(), at)

    assert found == outcome if outcome else isinstance(found, Done)


def test_a_date_that_moved_is_not_counted_from_any_more() -> None:
    case = invoice_due.sample_cases(shop.policy())["before"]
    moved = {**case.subject, "due_date": "1"}

    assert invoice_due.check(case) is None
    assert invoice_due.check(replace(case, subject=moved)) == Skipped("date_moved")
    assert invoice_due.check(replace(case, subject={**moved, "step": "issue"})) is None


@pytest.mark.parametrize(
    ("late", "reason"),
    [pytest.param(3 * DAY - HOUR, None, id="of-use"), pytest.param(3 * DAY, "too_late", id="late")],
)
def test_a_past_that_is_replayed_mails_nobody(
    engine: Engine, tmp_path: Any, late: timedelta, reason: str | None
) -> None:
    shop.plan(engine, shop.mirror(engine, shop.customer(), invoice()))
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW + late)

    assert outcomes[0] == Skipped(reason) if reason else isinstance(outcomes[0], Done)


@pytest.mark.parametrize(
    ("seen", "steps"),
    [
        pytest.param(11 * DAY - LOOK_AHEAD - SECOND, [], id="not-yet"),
        pytest.param(11 * DAY - LOOK_AHEAD, ["-3"], id="due-within-the-tick"),
        pytest.param(14 * DAY - SECOND, ["-3", "+1"], id="just-of-use"),
        pytest.param(14 * DAY, ["+1"], id="too-late"),
        pytest.param(28 * DAY, ["+14"], id="the-last"),
        pytest.param(31 * DAY, [], id="long-ago"),
    ],
)
def test_an_invoice_that_no_event_told_of_is_reminded_of(
    engine: Engine, seen: timedelta, steps: list[str]
) -> None:
    """Read from Stripe later on, as at a backfill: what lies ahead is found by looking."""
    shop.mirror(engine, shop.customer(), invoice())

    assert [shop.scan(engine, NOW + seen) for _ in range(2)] == [len(steps), 0]
    due = [DUE + timedelta(days=int(step)) for step in steps]
    expected = [
        (f":test:invoice_due:in_1:{step}", at, at + 3 * DAY)
        for step, at in zip(steps, due, strict=True)
    ]
    assert shop.rows(engine, "key, due_at, expires_at") == expected


def test_a_look_finds_nothing_that_the_event_has_planned(engine: Engine) -> None:
    shop.plan(engine, shop.mirror(engine, invoice()))

    assert [shop.scan(engine, NOW + days * DAY) for days in range(32)] == [0] * 32


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"status": "paid"}, id="paid"),
        pytest.param({"amount_remaining": 0}, id="nothing-owed"),
        pytest.param({"collection_method": "charge_automatically"}, id="charged"),
        pytest.param(
            {"status_transitions": {"finalized_at": shop.seconds(DUE - 4 * DAY)}}, id="just-issued"
        ),
    ],
)
def test_a_look_passes_over_what_the_event_would(engine: Engine, changed: dict[str, Any]) -> None:
    shop.mirror(engine, shop.customer(), invoice(**changed))

    assert shop.scan(engine, DUE - 3 * DAY) == 0


def test_a_reminder_found_by_looking_is_sent(engine: Engine, tmp_path: Any) -> None:
    shop.mirror(engine, shop.customer(), invoice())
    shop.scan(engine, DUE - 3 * DAY)

    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), DUE - 3 * DAY)
    assert isinstance(outcome, Done)
