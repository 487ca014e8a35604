"""How campaigns end on a real database: by payment, loss or time; who gets the credit."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from notifications import dunning
from notifications.dunning import attribution, clicks
from tests.dunning.follows import OTHER, Json, campaigns, charge, happens, mails, paid
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW, SECOND


def test_an_earlier_payment_of_several_closes_nothing(owing: Engine) -> None:
    happens(owing, shop.invoice(**OTHER), at=NOW + DAY)
    happens(owing, paid(), at=NOW + DAY + SECOND)

    assert campaigns(owing, "outcome") == [(None,)]
    assert "payment_recovered" not in {kind for (kind,) in mails(owing, "kind")}


def test_the_last_payment_closes_it_with_thanks_once(owing: Engine, tmp_path: Path) -> None:
    shop.deliver_due(owing, tmp_path.as_uri(), NOW)
    for _ in range(2):
        happens(owing, paid(), at=NOW + DAY)

    ends = mails(owing, "kind, state, reason, key")
    assert [row for row in ends if row[0] == "payment_recovered"] == [
        ("payment_recovered", "pending", None, ":test:payment_recovered:1")
    ]
    assert {row[1:3] for row in ends if row[1] == "skipped"} == {("skipped", "paid")}


def test_without_a_mail_before_there_is_nothing_to_thank_for(owing: Engine) -> None:
    happens(owing, paid(), at=NOW + DAY)

    assert campaigns(owing, "outcome") == [("retry",)]
    assert "payment_recovered" not in {kind for (kind,) in mails(owing, "kind")}


@pytest.mark.parametrize(
    ("ending", "outcome", "reason"),
    [
        pytest.param(paid(), "retry", "paid", id="paid"),
        pytest.param(paid(amount_paid_off_stripe=2900), "out_of_band", "paid", id="by-transfer"),
        pytest.param(shop.invoice(status="void"), "forgiven", "forgiven", id="void"),
        pytest.param(
            shop.invoice(
                status="uncollectible",
                status_details={"uncollectible": {"reason": "max_payment_attempts"}},
            ),
            "lost_passive",
            "lost",
            id="written-off",
        ),
        pytest.param(
            shop.invoice(
                status="uncollectible",
                status_details={"uncollectible": {"reason": "user_forgiven"}},
            ),
            "forgiven",
            "forgiven",
            id="forgiven",
        ),
        pytest.param(
            shop.ended(NOW + DAY, reason="payment_failed"), "lost_passive", "lost", id="ended"
        ),
        pytest.param(shop.ended(NOW + DAY), "lost_active", "lost", id="left"),
    ],
)
def test_how_it_ends(owing: Engine, ending: Json, outcome: str, reason: str) -> None:
    happens(owing, ending, at=NOW + DAY)

    assert campaigns(owing, "outcome, closed_at IS NOT NULL") == [(outcome, True)]
    assert {row[1] for row in mails(owing, "kind, reason")} == {reason}


def test_what_paid_may_be_told_after_the_payment(owing: Engine) -> None:
    happens(owing, charge("failed", NOW, failure_code="expired_card"))
    happens(owing, paid(), at=NOW + DAY)
    assert campaigns(owing, "outcome") == [("retry",)]
    new = charge("succeeded", NOW + DAY, fingerprint="fp_2", payment_method="pm_2")
    happens(owing, new, at=NOW + DAY + SECOND)

    assert campaigns(owing, "outcome") == [("new_method",)]
    with owing.connect() as conn:
        query = text("SELECT currency, recovered_minor, outcome FROM evergreen.dunning_invoice")
        assert conn.execute(query).all() == [("usd", 2900, "new_method")]


@pytest.mark.parametrize(
    ("clicked", "credited"),
    [
        pytest.param(DAY - SECOND, ":test:payment_failed:1:1", id="before"),
        pytest.param(DAY + SECOND, None, id="after"),
        pytest.param(None, None, id="never"),
    ],
)
def test_a_mail_is_credited_only_for_a_click_before_the_payment(
    owing: Engine, clicked: timedelta | None, credited: str | None
) -> None:
    if clicked is not None:
        with owing.begin() as conn:
            assert clicks.record(conn, ":test:payment_failed:1:1", NOW + clicked)
    transitions = {"paid_at": shop.seconds(NOW + DAY)}
    happens(owing, paid(status_transitions=transitions), at=NOW + DAY)

    assert campaigns(owing, "credited_key") == [(credited,)]


def test_a_click_in_another_mail_is_no_campaigns(owing: Engine) -> None:
    with owing.begin() as conn:
        assert not clicks.record(conn, ":test:receipt:in_1", NOW)


def test_a_later_failure_opens_another_campaign(owing: Engine) -> None:
    happens(owing, paid(), at=NOW + DAY)
    happens(owing, shop.invoice(**OTHER), at=NOW + 30 * DAY)

    assert campaigns(owing, "outcome, recoveries") == [("retry", 0), (None, 1)]


def test_a_campaign_first_heard_of_after_its_end_mails_nobody(engine: Engine) -> None:
    shop.mirror(engine, shop.customer())
    shop.plan(engine, shop.mirror(engine, shop.invoice()), now=NOW + 60 * DAY)

    assert {row[1:] for row in mails(engine, "kind, state, reason")} == {("skipped", "too_late")}


def test_time_closes_what_stripe_leaves_open(owing: Engine) -> None:
    happens(owing, shop.invoice(next_payment_attempt=None), at=NOW + DAY)
    shop.scan(owing, NOW + 21 * DAY - SECOND)
    assert campaigns(owing, "outcome") == [(None,)]
    shop.scan(owing, NOW + 22 * DAY)

    assert campaigns(owing, "outcome") == [("lost_passive",)]


def test_a_person_is_asked_to_act_for_the_upper_tenth(engine: Engine) -> None:
    for number in range(9):
        item = shop.item(id=f"si_{number}x", unit_amount=2900)
        names: Json = {"id": f"sub_{number}x", "customer": f"cus_{number}x"}
        shop.mirror(engine, shop.subscription(items=[item], **names))
    shop.mirror(engine, shop.customer(), shop.subscription(status="past_due"))
    shop.scan(engine)
    happens(engine, shop.declined(), shop.invoice())

    assert [row for row in mails(engine, "kind, due_at") if row[0] == "dunning_task"] == []
    item = shop.item(unit_amount=9900)
    shop.mirror(engine, shop.subscription(status="past_due", items=[item]), at=NOW + SECOND)
    shop.scan(engine, NOW + 2 * DAY)
    happens(engine, paid(), at=NOW + 2 * DAY)
    happens(engine, shop.invoice(**OTHER), at=NOW + 3 * DAY)

    tasks = [row for row in mails(engine, "kind, due_at") if row[0] == "dunning_task"]
    assert len(tasks) == 1


@pytest.mark.parametrize(
    ("age", "matured"),
    [
        pytest.param(58 * DAY, False, id="the-months-last-has-27-days"),
        pytest.param(59 * DAY, True, id="28-days"),
    ],
)
def test_what_came_back_is_counted_by_month_and_currency(
    owing: Engine, age: timedelta, *, matured: bool
) -> None:
    happens(owing, shop.invoice(**OTHER, currency="thb"), at=NOW + DAY)
    happens(owing, paid(), at=NOW + 2 * DAY)
    midnight = NOW.replace(hour=0)
    with owing.connect() as conn:
        told = attribution.by_month(conn, [""], midnight + age)

    assert [(each.currency, each.failed, each.recovered_minor) for each in told] == [
        ("thb", 1, 0),
        ("usd", 1, 2900),
    ]
    assert {each.matured for each in told} == {matured}


@pytest.mark.parametrize(
    ("invoice", "asked"),
    [
        pytest.param(shop.invoice(), ["in_1"], id="no-payment-named"),
        pytest.param(shop.invoice(payment_intent="pi_1"), [], id="named-before-basil"),
        pytest.param(shop.invoice(attempt_count=0), [], id="not-attempted"),
        pytest.param(paid(), [], id="paid"),
    ],
)
def test_stripe_is_asked_for_the_reason_where_no_event_tells_it(
    engine: Engine, invoice: Json, asked: list[str]
) -> None:
    changes = shop.mirror(engine, invoice)

    assert [wish.id for wish in dunning.wishes(changes, shop.policy())] == asked


def test_an_invoice_voided_after_the_end_was_lost_all_the_same(owing: Engine) -> None:
    happens(owing, shop.ended(NOW + DAY, reason="payment_failed"), at=NOW + DAY)
    happens(owing, shop.invoice(status="void"), at=NOW + 3 * DAY)

    assert campaigns(owing, "outcome") == [("lost_passive",)]
