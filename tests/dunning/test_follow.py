"""Campaigns on a real database: opened by what the mirror shows, joined, planned anew."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifications import dunning
from sync.store import outbox
from tests.dunning.follows import OTHER, Json, campaigns, charge, happens, mails, paid
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

EXPIRED = [("payment_failed", day) for day in (0.0, 2.0, 5.0, 9.0)] + [("final_notice", 11.0)]


def test_a_failure_opens_one_campaign_with_all_its_steps(owing: Engine) -> None:
    assert mails(owing, "kind, due_at") == EXPIRED
    assert campaigns(owing, "customer_id, segment, code, outcome") == [
        ("cus_1", "card", "expired_card", None)
    ]
    keys = [f":test:{kind}:1:{step}" for step, (kind, _) in enumerate(EXPIRED, 1)]
    assert [key for (key,) in shop.rows(owing, "key")] == keys


@pytest.mark.parametrize(
    "invoice",
    [
        pytest.param({"attempt_count": 0}, id="not-attempted-yet"),
        pytest.param({"status": "paid"}, id="paid"),
        pytest.param({"status": "draft"}, id="draft"),
        pytest.param({"status": "void"}, id="void"),
        pytest.param({"amount_remaining": 0}, id="nothing-owed"),
        pytest.param({"collection_method": "send_invoice"}, id="sent-not-charged"),
        pytest.param({"billing_reason": "subscription_create"}, id="checkouts-business"),
    ],
)
def test_what_is_no_failed_renewal_opens_none(engine: Engine, invoice: Json) -> None:
    happens(engine, shop.customer(), shop.declined(), shop.invoice(**invoice))

    assert campaigns(engine, "id") == []


@pytest.mark.parametrize(
    ("invoice", "subscription"),
    [
        pytest.param({"amount_remaining": 1}, {}, id="a-cent-owed"),
        pytest.param({"attempt_count": 4}, {}, id="failed-again"),
        pytest.param({"billing_reason": "manual", "parent": None}, {}, id="single-invoice"),
        pytest.param({}, {"cancel_at_period_end": True}, id="leaving"),
    ],
)
def test_what_opens_one(engine: Engine, invoice: Json, subscription: Json) -> None:
    shop.mirror(engine, shop.subscription(status="past_due", **subscription))
    happens(engine, shop.customer(), shop.invoice(**invoice))

    assert campaigns(engine, "segment") == [("unknown",)]


@pytest.mark.parametrize("status", ["incomplete", "canceled"])
def test_what_has_not_begun_or_is_over_opens_none(engine: Engine, status: str) -> None:
    shop.mirror(engine, shop.subscription(status=status))
    happens(engine, shop.customer(), shop.invoice())

    assert campaigns(engine, "id") == []


def test_other_accounts_cause_nothing(engine: Engine) -> None:
    happens(engine, shop.invoice(), settings=shop.policy(accounts=frozenset({"acct_other"})))

    assert campaigns(engine, "id") == []


def test_the_same_again_changes_nothing(owing: Engine) -> None:
    before = shop.rows(owing, "key, due_at, expires_at, subject, state")
    happens(owing, shop.declined(), shop.invoice(), at=NOW + SECOND)

    assert shop.rows(owing, "key, due_at, expires_at, subject, state") == before


def test_the_reason_may_come_after_the_failure(engine: Engine) -> None:
    """In any order the same campaign comes out."""
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"))
    happens(engine, shop.invoice())
    assert mails(engine, "kind, due_at")[0] == ("payment_failed", 1.0)
    happens(engine, shop.declined(), at=NOW + SECOND)

    waiting = [
        tuple(row) for *row, state in mails(engine, "kind, due_at, state") if state == "pending"
    ]
    assert waiting == EXPIRED


def test_a_refusal_is_found_by_the_tie_to_the_invoice(engine: Engine) -> None:
    tie = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "invoice": "in_1",
        "status": "open",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    }
    shop.mirror(engine, shop.customer(), shop.declined(payment_details=None))
    happens(engine, shop.invoice())
    assert campaigns(engine, "segment") == [("unknown",)]
    happens(engine, tie, at=NOW + SECOND)

    assert campaigns(engine, "segment, code") == [("card", "expired_card")]


def test_the_networks_word_makes_a_charge_hard(engine: Engine) -> None:
    outcome = {"reason": "insufficient_funds", "advice_code": "do_not_try_again"}
    shop.mirror(engine, shop.declined("card_declined", latest_charge="ch_failed"))
    happens(engine, charge("failed", NOW, outcome=outcome), shop.invoice())

    assert campaigns(engine, "segment") == [("card",)]


def test_a_customer_without_any_method_is_asked_for_one(engine: Engine) -> None:
    happens(engine, shop.customer(invoice_settings={}), shop.invoice())

    assert campaigns(engine, "segment, code") == [("card", "no_payment_method")]


def test_a_new_reason_replans_only_what_lies_ahead(owing: Engine, tmp_path: Path) -> None:
    shop.deliver_due(owing, tmp_path.as_uri(), NOW)
    later = NOW + 3 * DAY
    short = shop.declined("insufficient_funds", latest_charge="ch_failed")
    again = charge("failed", later, failure_code="insufficient_funds")
    happens(owing, again, short, shop.invoice(attempt_count=2), at=later)

    assert mails(owing, "kind, due_at, state") == [
        ("payment_failed", 0.0, "sent"),
        ("payment_failed", 2.0, "pending"),
        ("payment_failed", 6.0, "pending"),
        ("payment_failed", 10.0, "pending"),
        ("final_notice", 11.0, "pending"),
    ]
    copies = {subject["copy"] for (subject,) in shop.rows(owing, "subject")[1:]}
    assert copies == {"retry"}


def test_the_last_retry_brings_the_final_notice_forward(owing: Engine) -> None:
    later = NOW + 5 * DAY + HOUR
    happens(owing, shop.invoice(attempt_count=4, next_payment_attempt=None), at=later)
    ahead = [
        (kind, day)
        for kind, day, state in mails(owing, "kind, due_at, state")
        if state == "pending" and day > 5
    ]
    dropped = [row for row in mails(owing, "reason, due_at") if row[0] == "replanned"]

    assert ahead == [("final_notice", pytest.approx(5 + 1 / 24))]
    assert [day for _, day in dropped] == [9.0, 11.0]


def test_a_demand_to_confirm_takes_the_place_of_the_failure_mail(engine: Engine) -> None:
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"))
    asks = shop.declined("authentication_required", status="requires_action")
    happens(engine, asks, shop.invoice())

    assert [kind for kind, _ in mails(engine, "kind, due_at")] == [
        *["action_required"] * 3,
        "final_notice",
    ]


def test_a_further_invoice_joins_the_open_campaign(owing: Engine) -> None:
    happens(owing, shop.invoice(**OTHER), at=NOW + DAY)

    assert campaigns(owing, "id") == [(1,)]
    told = {subject["invoices"] for (subject,) in shop.rows(owing, "subject")}
    assert told == {"in_1,in_2"}


def test_two_workers_open_one_campaign(engine: Engine) -> None:
    changes = shop.mirror(engine, shop.customer(), shop.invoice())
    for _ in range(2):
        with engine.begin() as conn:
            outbox.add(conn, dunning.follow(conn, changes, shop.policy(), NOW))

    assert campaigns(engine, "id") == [(1,)]


def test_a_step_near_a_retry_moves_and_is_decided_again(owing: Engine, tmp_path: Path) -> None:
    near = shop.invoice(next_payment_attempt=shop.seconds(NOW + 12 * HOUR))
    happens(owing, near, at=NOW + SECOND)
    (held,) = shop.deliver_due(owing, tmp_path.as_uri(), NOW + SECOND)
    assert held.reason == "step_moved"  # type: ignore[union-attr]
    happens(owing, paid(), at=NOW + 12 * HOUR)

    shop.deliver_due(owing, tmp_path.as_uri(), NOW + 14 * HOUR)
    assert mails(owing, "kind, reason")[0] == ("payment_failed", "paid")
