"""Who is asked back, when, and who is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from babel import Locale
from sqlalchemy import Engine

from notifications import samples, suppression
from notifications.kind import LOOK_AHEAD
from notifications.kinds import dunning_task, winback_delinquent, winback_task, winback_voluntary
from notifications.render import render
from sync.changes import Done, Skipped
from tests.mirror.fold import fold
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

NOWHERE = "file:///nonexistent"


@pytest.mark.parametrize(
    ("feedback", "mails"),
    [
        pytest.param(None, [(30, None), (60, None)], id="no-reason"),
        pytest.param("other", [(30, None), (60, None)], id="other"),
        pytest.param("too_complex", [(30, None), (60, None)], id="too-complex"),
        pytest.param("new_in_2027", [(30, None), (60, None)], id="a-reason-yet-unknown"),
        pytest.param("too_expensive", [(30, None), (60, None)], id="price"),
        pytest.param("unused", [(30, None), (60, None)], id="unused"),
        pytest.param("missing_features", [(30, None), (60, None)], id="missing"),
        pytest.param("switched_service", [(30, None)], id="switched-once"),
        pytest.param("low_quality", [(1, "human_first")], id="quality"),
        pytest.param("customer_service", [(1, "human_first")], id="service"),
    ],
)
def test_the_series_by_reason(
    engine: Engine, feedback: str | None, mails: list[tuple[int, str | None]]
) -> None:
    shop.mirror(engine, shop.ended(NOW, feedback))
    for hours in range(0, 62 * 24, 24):
        shop.scan(engine, NOW + hours * HOUR)

    found = shop.rows(engine, "kind, due_at, reason, expires_at - due_at")
    expected = [("winback_voluntary", NOW + days * DAY, why, 7 * DAY) for days, why in mails]
    assert [row for row in found if row[0] == "winback_voluntary"] == expected


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="unhappy"),
        pytest.param(
            [shop.subscription(NOW + 9 * DAY, id="sub_2")], "resubscribed", id="back-already"
        ),
    ],
)
def test_a_person_writes_to_whom_we_made_unhappy(
    engine: Engine, tmp_path: Any, also: list[Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), shop.ended(NOW - DAY, "low_quality"), *also)
    shop.scan(engine)
    settings = shop.policy(internal_inbox="team@garden.example")
    outcome = shop.deliver_due(engine, tmp_path.as_uri(), NOW, settings)[-1]

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)
    tasks = [row for row in shop.rows(engine, "kind, key, subject") if row[0] == "winback_task"]
    subject = {"subscription": "sub_1", "feedback": "low_quality"}
    assert tasks == [("winback_task", ":test:winback_task:sub_1", subject)]
    if reason is None:
        (mail,) = (path.read_text() for path in tmp_path.iterdir())
        assert "To: team@garden.example" in mail
        assert "ada@customer.example" not in mail


@pytest.mark.parametrize(
    ("feedback", "wanted"),
    [
        pytest.param("too_expensive", True, id="price"),
        pytest.param("unused", False, id="unused"),
        pytest.param(None, False, id="no-reason"),
    ],
)
def test_an_offer_answers_a_price_only(feedback: str | None, wanted: bool) -> None:
    ended = samples.subscription(cancellation_feedback=feedback, ended_at=NOW)
    case = samples.case(shop.policy(), subject={"days": "30"}, subscription=ended)

    assert winback_voluntary.wants_offer(case) is wanted


@pytest.mark.parametrize(
    ("age", "found"),
    [
        pytest.param(30 * DAY - LOOK_AHEAD - SECOND, 0, id="not-yet"),
        pytest.param(30 * DAY - LOOK_AHEAD, 1, id="due-within-the-tick"),
        pytest.param(37 * DAY - SECOND, 1, id="caught-up"),
        pytest.param(37 * DAY, 0, id="past-its-use"),
        pytest.param(60 * DAY - LOOK_AHEAD, 1, id="second"),
        pytest.param(67 * DAY, 0, id="long-ago"),
    ],
)
def test_the_window_reaches_back_as_far_as_the_mail_is_of_use(
    engine: Engine, age: timedelta, found: int
) -> None:
    shop.mirror(engine, shop.ended(NOW - age))

    assert [shop.scan(engine), shop.scan(engine)] == [found, 0]


@pytest.mark.parametrize(
    "subscription",
    [
        pytest.param(shop.ended(NOW - 30 * DAY, reason="payment_failed"), id="not-by-choice"),
        pytest.param(shop.ended(NOW - 30 * DAY, reason="payment_disputed"), id="disputed"),
        pytest.param(shop.ended(NOW - 30 * DAY, status="incomplete_expired"), id="never-began"),
        pytest.param(shop.subscription(NOW + 20 * DAY), id="not-ended"),
    ],
)
def test_other_ends_are_none_of_its_business(engine: Engine, subscription: Any) -> None:
    shop.mirror(engine, subscription)
    shop.scan(engine)

    assert shop.rows(engine, "key") == []


ENDED = shop.ended(NOW - 30 * DAY, "unused")
CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "customer": "cus_1",
    "status": "succeeded",
    "disputed": False,
    "refunded": False,
    "created": 2,
}
FULLY_REFUNDED = {**CHARGE, "id": "ch_0", "created": 1, "refunded": True}


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="gone"),
        pytest.param([CHARGE], None, id="paid-and-gone"),
        pytest.param([shop.subscription(id="sub_2")], "resubscribed", id="resubscribed"),
        pytest.param(
            [shop.subscription(id="sub_2", status="past_due")],
            "resubscribed",
            id="again-in-arrears",
        ),
        pytest.param(
            [shop.subscription(id="sub_2", status="incomplete")], None, id="only-looked-at-checkout"
        ),
        pytest.param(
            [shop.ended(NOW - 30 * DAY + SECOND, id="sub_2")], "newer_end", id="left-again-later"
        ),
        pytest.param([shop.ended(NOW - 30 * DAY - SECOND, id="sub_2")], None, id="left-before-too"),
        pytest.param([{**CHARGE, "disputed": True}], "disputed", id="disputed-charge"),
        pytest.param(
            [CHARGE, {"id": "dp_1", "object": "dispute", "charge": "ch_1"}],
            "disputed",
            id="dispute",
        ),
        pytest.param(
            [CHARGE, {"id": "dp_1", "object": "dispute", "charge": "ch_of_another"}],
            None,
            id="somebody-elses-dispute",
        ),
        pytest.param([{**CHARGE, "refunded": True}], "refunded", id="last-charge-refunded"),
        pytest.param([FULLY_REFUNDED, CHARGE], "refunded", id="an-earlier-charge-refunded"),
        pytest.param([{**CHARGE, "amount_refunded": 5}], None, id="a-part-refunded"),
        pytest.param(
            [CHARGE, {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1"}],
            "fraud",
            id="fraud",
        ),
        pytest.param([shop.customer(email=None)], "no_email", id="no-address"),
        pytest.param([shop.customer(test_clock="clock_1")], "test_clock", id="test-clock"),
    ],
)
def test_who_is_asked_back(
    engine: Engine, tmp_path: Any, also: list[Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), ENDED)
    shop.scan(engine)
    shop.mirror(engine, *also, at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


def test_a_deleted_customer_is_left_alone(engine: Engine) -> None:
    shop.mirror(engine, shop.customer(), ENDED)
    shop.scan(engine)
    deleted = shop.event(
        {"id": "cus_1", "object": "customer", "deleted": True},
        at=NOW + SECOND,
        type_="customer.deleted",
    )
    fold(engine, [[deleted]])

    assert shop.deliver_due(engine, NOWHERE, NOW) == [Skipped("customer_deleted")]


@pytest.mark.parametrize(
    ("suppressed", "reason"),
    [
        pytest.param({"customer_id": "cus_1"}, "opted_out", id="this-customer"),
        pytest.param({"address": "ADA@Customer.Example"}, "opted_out", id="this-address"),
        pytest.param({"address": "ada@customer.example", "topic": "all"}, "suppressed", id="dead"),
        pytest.param({"customer_id": "cus_2"}, None, id="another-customer"),
        pytest.param({"customer_id": "cus_1", "account": "acct_2"}, None, id="another-account"),
    ],
)
def test_an_opt_out_is_kept(
    engine: Engine, tmp_path: Any, suppressed: dict[str, Any], reason: str | None
) -> None:
    shop.mirror(engine, shop.customer(), ENDED)
    shop.scan(engine)
    wanted = {"account": "", "topic": "marketing", "reason": "test", **suppressed}
    with engine.begin() as conn:
        suppression.suppress(conn, wanted.pop("account"), **wanted)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


@pytest.mark.parametrize(
    ("feedback", "days", "last"),
    [
        pytest.param("unused", 30, False, id="first"),
        pytest.param("unused", 60, True, id="second"),
        pytest.param("switched_service", 30, True, id="only-one"),
    ],
)
def test_the_last_mail_says_so(feedback: str, days: int, last: bool) -> None:
    ended = samples.subscription(cancellation_feedback=feedback, ended_at=NOW)
    case = samples.case(shop.policy(), subject={"days": str(days)}, subscription=ended)

    assert winback_voluntary.context(case)["is_last"] is last


@pytest.mark.parametrize(
    ("months", "english", "thai"),
    [
        pytest.param(None, "your first payment", "การชำระเงินครั้งแรก", id="once"),
        pytest.param(0, "every payment", "การชำระเงินทุกครั้ง", id="for-ever"),
        pytest.param(1, "the first month", "เดือนแรก", id="one-month"),
        pytest.param(3, "the first 3 months", "3 เดือนแรก", id="months"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "sample"),
    [(winback_voluntary, "price-with-offer"), (winback_delinquent, "last-with-offer")],
    ids=["voluntary", "delinquent"],
)
def test_a_discount_says_for_how_long(
    kind: Any, sample: str, months: int | None, english: str, thai: str
) -> None:
    case = kind.sample_cases(shop.policy())[sample]
    case = replace(case, offer=replace(case.offer, months=months))
    en, th = (render(kind.KIND, case, Locale(language)) for language in ("en", "th"))

    assert f"Applies to: {english}\n" in en.text
    assert f"ใช้กับ: {thai}\n" in th.text
    assert f">{english}<" in en.html
    assert f">{thai}<" in th.html


def test_two_mails_to_the_same_customer_have_two_subjects() -> None:
    cases = winback_voluntary.sample_cases(shop.policy())
    subjects = {render(winback_voluntary.KIND, cases[name]).subject for name in ("generic", "last")}

    assert len(subjects) == 2


@pytest.mark.parametrize("kind", [winback_task, dunning_task], ids=lambda kind: kind.NAME)
def test_a_task_leads_to_the_customer_in_their_own_account(kind: Any) -> None:
    case = next(iter(kind.sample_cases(shop.policy()).values()))
    connected = replace(case, customer=replace(case.customer, account="acct_1"))

    url = "https://dashboard.stripe.com/acct_1/test/customers/cus_sample"
    assert kind.context(connected)["customer_url"] == url
