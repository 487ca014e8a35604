"""When a failed charge is written about, and when no more."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples
from notifications.case import Case
from notifications.kinds import payment_failed
from notifications.planning import plan
from sync.changes import Change, RetryIn, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW


def change(**changed: Any) -> Change:
    return Change(
        account="",
        object="invoice",
        id="in_1",
        before=None,
        after=shop.invoice(**changed),
        at=NOW,
        event_id="evt_1",
        event_type="invoice.payment_failed",
        livemode=False,
        customer_id="cus_1",
    )


def test_all_steps_are_planned_at_once_and_each_ends_when_the_next_is_due() -> None:
    effects = plan([change()], shop.policy())

    times = [(effect.due_at - NOW, effect.expires_at - NOW) for effect in effects]  # type: ignore[operator]
    assert times == [(0 * DAY, 3 * DAY), (3 * DAY, 7 * DAY), (7 * DAY, 10 * DAY)]
    assert [effect.key for effect in effects] == [
        f":test:payment_failed:in_1:{step}" for step in (1, 2, 3)
    ]
    assert {effect.customer_id for effect in effects} == {"cus_1"}


@pytest.mark.parametrize(
    ("invoice", "mails"),
    [
        pytest.param({}, 3, id="charge-failed"),
        pytest.param({"attempt_count": 0}, 0, id="not-attempted-yet"),
        pytest.param({"attempt_count": 4}, 3, id="failed-again"),
        pytest.param({"status": "paid"}, 0, id="paid"),
        pytest.param({"status": "draft"}, 0, id="draft"),
        pytest.param({"status": "void"}, 0, id="void"),
        pytest.param({"amount_remaining": 0}, 0, id="nothing-owed"),
        pytest.param({"amount_remaining": 1}, 3, id="a-cent-owed"),
        pytest.param({"collection_method": "send_invoice"}, 0, id="sent-not-charged"),
        pytest.param({"billing_reason": "subscription_create"}, 0, id="checkouts-business"),
        pytest.param({"billing_reason": "manual"}, 3, id="single-invoice"),
    ],
)
def test_what_counts_as_a_failed_charge(invoice: dict[str, Any], mails: int) -> None:
    assert len(plan([change(**invoice)], shop.policy())) == mails


def test_other_accounts_and_deleted_invoices_cause_nothing() -> None:
    changes = [replace(change(), account="acct_other"), replace(change(), deleted=True)]

    assert plan(changes, shop.policy()) == []
    assert len(plan(changes, shop.policy(accounts=frozenset({"", "acct_other"})))) == 3


def case(**known: Any) -> Case:
    found = {"invoice": samples.invoice(), "subscription": samples.subscription(), **known}
    return samples.case(shop.policy(), subject={"invoice": "in_sample", "step": "1"}, **found)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param({}, None, id="still-owing"),
        pytest.param({"subscription": None}, None, id="no-subscription"),
        pytest.param({"invoice": samples.invoice(status="paid")}, "paid", id="paid"),
        pytest.param({"invoice": samples.invoice(status="void")}, "void", id="void"),
        pytest.param(
            {"invoice": samples.invoice(status="uncollectible")}, "uncollectible", id="written-off"
        ),
        pytest.param({"invoice": samples.invoice(deleted=True)}, "invoice_deleted", id="deleted"),
        pytest.param({"invoice": None}, "invoice_deleted", id="unknown"),
        pytest.param({"invoice": samples.invoice(status="draft")}, "not_open", id="draft"),
        pytest.param(
            {"invoice": samples.invoice(amount_remaining_minor=0)}, "paid", id="paid-elsewhere"
        ),
        pytest.param(
            {"subscription": samples.subscription(status="canceled")}, "canceled", id="canceled"
        ),
        pytest.param(
            {"subscription": samples.subscription(cancel_at_period_end=True)},
            "cancel_set",
            id="cancel-at-period-end",
        ),
        pytest.param(
            {"subscription": samples.subscription(cancel_at=NOW)}, "cancel_set", id="cancel-at"
        ),
        pytest.param(
            {"subscription": samples.subscription(status="incomplete")}, "checkout", id="incomplete"
        ),
        pytest.param(
            {"subscription": samples.subscription(status="past_due")}, None, id="past-due"
        ),
        pytest.param({"subscription": samples.subscription(status="unpaid")}, None, id="unpaid"),
    ],
)
def test_the_invoice_is_looked_at_again_when_the_mail_is_due(
    known: dict[str, Any], reason: str | None
) -> None:
    assert payment_failed.check(case(**known)) == (Skipped(reason) if reason else None)


@pytest.mark.parametrize(
    ("age", "waits"),
    [
        pytest.param(timedelta(hours=1), True, id="begun-with-the-invoice"),
        pytest.param(timedelta(hours=1, seconds=1), False, id="begun-before-it"),
    ],
)
def test_a_bank_debit_on_its_way_is_waited_for(age: timedelta, waits: bool) -> None:
    charge = {"id": "ch_1", "status": "pending", "created": int((samples.NOW - age).timestamp())}
    verdict = payment_failed.check(case(objects={"charge": (charge,)}))

    assert isinstance(verdict, RetryIn) is waits


def test_seeing_the_failure_again_changes_no_plan(engine: Engine) -> None:
    shop.plan(engine, shop.mirror(engine, shop.invoice()))
    shop.plan(engine, shop.mirror(engine, shop.invoice(attempt_count=2), at=NOW + DAY))

    due = [row[0] - NOW for row in shop.rows(engine, "due_at")]
    assert due == [0 * DAY, 3 * DAY, 7 * DAY]


def test_a_campaign_first_heard_of_after_its_end_mails_nobody(engine: Engine) -> None:
    shop.mirror(engine, shop.customer())
    shop.plan(engine, shop.mirror(engine, shop.invoice()))
    outcomes = shop.deliver_due(engine, "file:///nonexistent", NOW + 10 * DAY)

    assert outcomes == [Skipped("too_late")] * 3


@pytest.mark.parametrize(
    ("late", "steps"),
    [
        pytest.param(3 * DAY - HOUR, ["1"], id="first-still-of-use"),
        pytest.param(3 * DAY, ["too_late", "2"], id="second-takes-over"),
    ],
)
def test_an_outage_sends_the_step_that_is_of_use_and_no_other(
    engine: Engine, tmp_path: Any, late: timedelta, steps: list[str]
) -> None:
    shop.mirror(engine, shop.customer())
    shop.plan(engine, shop.mirror(engine, shop.invoice()))
    shop.deliver_due(engine, tmp_path.as_uri(), NOW + late)

    ended = shop.rows(engine, "reason, subject ->> 'step', state")
    assert [reason or step for reason, step, state in ended if state != "pending"] == steps
