"""When a step of a campaign goes out, waits, or is not wanted any more."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from notifications import samples
from notifications.case import Case, Mail
from notifications.dunning.samples import RETRIED_AT, open_invoice, several, step_case
from notifications.dunning.sending import context
from notifications.kinds import KINDS, dunning_task, payment_recovered
from notifications.render import render
from sync.changes import RetryIn, Skipped
from tests.notifications import shop
from tests.notifications.shop import DAY, HOUR, SECOND

NOW = samples.NOW
STEPS = ["payment_failed", "final_notice", "action_required"]


def case(**known: Any) -> Case:
    return replace(step_case(shop.policy()), **known)


def verdict(kind: str, **known: Any) -> Any:
    return KINDS[kind].check(case(**known))


def ended(status: str, **changed: Any) -> dict[str, Any]:
    """Return the invoice out of the list of open ones, as the mirror has it."""
    return {"objects": {}, "invoice": samples.invoice(status=status, **changed)}


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize(
    ("known", "reason"),
    [
        pytest.param({}, None, id="still-owing"),
        pytest.param({"subscription": None}, None, id="no-subscription"),
        pytest.param(ended("paid"), "paid", id="paid"),
        pytest.param(ended("void"), "void", id="void"),
        pytest.param(ended("uncollectible"), "uncollectible", id="written-off"),
        pytest.param(ended("draft"), "not_open", id="draft"),
        pytest.param(ended("open", amount_remaining_minor=0), "paid", id="paid-elsewhere"),
        pytest.param({"objects": {}, "invoice": None}, "invoice_deleted", id="unknown"),
        pytest.param(ended("open", deleted=True), "invoice_deleted", id="deleted"),
        pytest.param(
            {"subscription": samples.subscription(status="canceled")}, "canceled", id="canceled"
        ),
        pytest.param(
            {"subscription": samples.subscription(status="incomplete")}, "checkout", id="incomplete"
        ),
        pytest.param(
            {"subscription": samples.subscription(pause_collection_behavior="void")},
            "collection_paused",
            id="collection-paused",
        ),
        pytest.param(
            {"subscription": samples.subscription(status="past_due")}, None, id="past-due"
        ),
        pytest.param({"subscription": samples.subscription(status="unpaid")}, None, id="unpaid"),
    ],
)
def test_what_is_owed_is_looked_at_again_when_the_mail_is_due(
    kind: str, known: dict[str, Any], reason: str | None
) -> None:
    assert verdict(kind, **known) == (Skipped(reason) if reason else None)


@pytest.mark.parametrize("leaving", [{"cancel_at_period_end": True}, {"cancel_at": NOW}])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("payment_failed", "cancel_set"), ("final_notice", "cancel_set"), ("action_required", None)],
)
def test_who_leaves_is_asked_only_what_nobody_else_can_do(
    kind: str, reason: str | None, leaving: dict[str, Any]
) -> None:
    known = case(subscription=samples.subscription(**leaving))

    assert KINDS[kind].check(known) == (Skipped(reason) if reason else None)
    # What is asked can be written, and Stripe is asked about it once more before.
    asked = KINDS[kind].live
    assert asked is not None
    assert (reason is None) is bool(asked(known))
    assert reason or KINDS[kind].context(known)["amount"].amount_minor > 0


@pytest.mark.parametrize(
    ("age", "waits"),
    [
        pytest.param(2 * HOUR, True, id="begun-with-the-invoice"),
        pytest.param(2 * HOUR + SECOND, False, id="begun-before-it"),
    ],
)
def test_a_bank_debit_on_its_way_is_waited_for(age: timedelta, *, waits: bool) -> None:
    charge = {"id": "ch_1", "status": "pending", "created": shop.seconds(NOW - age)}
    objects = {"invoice": (open_invoice(),), "charge": (charge,)}

    assert isinstance(verdict("payment_failed", objects=objects), RetryIn) is waits


@pytest.mark.parametrize(
    ("added", "retried_at", "reason"),
    [
        pytest.param(-HOUR, RETRIED_AT, None, id="before-the-failure"),
        pytest.param(-HOUR + SECOND, RETRIED_AT, "new_method_pending", id="after-the-failure"),
        pytest.param(-HOUR + SECOND, None, None, id="but-nothing-tries-it"),
    ],
)
def test_a_new_method_that_will_be_tried_needs_no_mail(
    added: timedelta, retried_at: Any, reason: str | None
) -> None:
    known = step_case(shop.policy(), next_attempt=retried_at)
    method = {"id": "pm_2", "created": shop.seconds(NOW + added)}
    objects = {**known.objects, "payment_method": (method,)}
    found = KINDS["payment_failed"].check(replace(known, objects=objects))

    assert found == (Skipped(reason) if reason else None)


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize(
    ("mail", "waits"),
    [
        pytest.param({}, True, id="a-mail-an-hour-ago"),
        pytest.param({"at": NOW - DAY}, False, id="a-day-ago"),
        pytest.param({"state": "skipped"}, False, id="not-sent"),
        pytest.param({"state": "unknown"}, True, id="perhaps-sent"),
        pytest.param({"subject": {"campaign": "7"}}, False, id="of-another-campaign"),
    ],
)
def test_one_mail_of_a_campaign_a_day(kind: str, mail: dict[str, Any], *, waits: bool) -> None:
    told = {"kind": "payment_failed", "subject": {"campaign": "1"}, "state": "sent"}
    before = Mail(**{**told, "at": NOW - HOUR, **mail})
    found = verdict(kind, mails=(before,))

    assert found == (RetryIn(23 * 3600.0, "step_moved") if waits else None)


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize(
    ("campaign", "waits"),
    [pytest.param("1", True, id="its-own"), pytest.param("7", False, id="of-another-campaign")],
)
def test_a_mail_that_is_just_going_out_is_waited_for(
    kind: str, campaign: str, *, waits: bool
) -> None:
    # It says when it fell due, however long ago.
    leaving = Mail(
        kind="payment_failed", subject={"campaign": campaign}, state="sending", at=NOW - 2 * DAY
    )
    found = verdict(kind, mails=(leaving,))

    assert found == (RetryIn(60.0, "is_being_sent") if waits else None)


@pytest.mark.parametrize(
    ("ahead", "wait"),
    [
        pytest.param(12 * HOUR, RetryIn(14 * 3600.0, "step_moved"), id="12h-ahead"),
        pytest.param(12 * HOUR + SECOND, None, id="further-ahead"),
    ],
)
def test_a_step_waits_for_a_retry_that_is_near(ahead: timedelta, wait: RetryIn | None) -> None:
    known = step_case(shop.policy(), next_attempt=NOW + ahead)

    assert KINDS["payment_failed"].check(known) == wait


def test_the_mail_is_about_all_that_is_still_open_of_its_campaign() -> None:
    found = several(
        shop.policy(),
        [open_invoice(), open_invoice(id_="in_2", number="GB-0043")],
    )
    strangers = (*found.objects["invoice"], open_invoice(id_="in_9"))
    told = context(replace(found, objects={**found.objects, "invoice": strangers}))

    assert told["amount"].amount_minor == 5800
    assert told["invoice_numbers"] == ["GB-0042", "GB-0043"]


def test_one_currency_is_never_added_to_another() -> None:
    euros = {**open_invoice(id_="in_2"), "currency": "eur"}
    told = context(several(shop.policy(), [open_invoice(), euros]))

    assert (told["amount"].amount_minor, told["amount"].currency) == (2900, "usd")


@pytest.mark.parametrize(("copy", "shown"), [("card", "Visa ••4242"), ("other", None)])
def test_the_card_is_named_only_where_it_is_to_be_updated(copy: str, shown: str | None) -> None:
    assert context(step_case(shop.policy(), copy=copy))["card"] == shown


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({}, None, id="paid"),
        pytest.param({"status": "open"}, "not_paid", id="taken-back"),
        pytest.param({"deleted": True}, "invoice_deleted", id="deleted"),
    ],
)
def test_thanks_are_given_while_the_payment_stands(
    changed: dict[str, Any], reason: str | None
) -> None:
    (known, *_) = payment_recovered.sample_cases(shop.policy()).values()
    assert known.invoice is not None
    verdict_ = payment_recovered.check(replace(known, invoice=replace(known.invoice, **changed)))

    assert verdict_ == (Skipped(reason) if reason else None)


def charged(card: str, *, created: timedelta, brand: str = "visa") -> dict[str, Any]:
    return {
        "id": f"ch_{card}",
        "status": "failed",
        "created": shop.seconds(samples.NOW + created),
        "payment_method_details": {"card": {"brand": brand, "last4": card}},
    }


@pytest.mark.parametrize(
    ("charge", "shown"),
    [
        pytest.param(
            charged("1881", created=-HOUR, brand="amex"), "American Express ••1881", id="amex"
        ),
        pytest.param(charged("0005", created=-2 * HOUR), "Visa ••0005", id="with-the-invoice"),
        pytest.param(charged("0004", created=-2 * HOUR - SECOND), None, id="of-another-purchase"),
    ],
)
def test_the_card_that_was_refused_is_named_as_everywhere(
    charge: dict[str, Any], shown: str | None
) -> None:
    case = step_case(shop.policy(), copy="card")
    refused = replace(case, objects={**case.objects, "charge": (charge,)})

    assert context(refused)["card"] == shown


@pytest.mark.parametrize(
    ("changed", "goes_on"),
    [
        pytest.param({}, True, id="renews"),
        pytest.param({"status": "past_due"}, False, id="still-owing"),
        pytest.param({"cancel_at_period_end": True}, False, id="ends-soon"),
    ],
)
def test_who_will_leave_is_not_told_that_it_continues(
    changed: dict[str, Any], *, goes_on: bool
) -> None:
    case = payment_recovered.sample_cases(shop.policy())["subscribed"]
    found = replace(case, subscription=samples.subscription(**changed))

    assert payment_recovered.context(found)["goes_on"] is goes_on


@pytest.mark.parametrize(
    ("mail", "reminds"),
    [
        pytest.param({}, True, id="asked-before"),
        pytest.param({"kind": "payment_failed"}, False, id="told-of-a-failure-only"),
        pytest.param({"state": "skipped"}, False, id="not-sent"),
        pytest.param({"subject": {"campaign": "2"}}, False, id="another-campaign"),
    ],
)
def test_nobody_is_reminded_of_what_they_were_never_asked(
    mail: dict[str, Any], *, reminds: bool
) -> None:
    """The bank may ask at any step of a campaign."""
    asked = Mail(kind="action_required", subject={"campaign": "1"}, state="sent", at=samples.NOW)
    found = replace(step_case(shop.policy(), step=3), mails=(replace(asked, **mail),))
    subject = render(KINDS["action_required"], found).subject

    assert subject.startswith("Reminder:" if reminds else "Please confirm")


def test_a_task_is_dropped_once_nothing_is_owed() -> None:
    assert dunning_task.check(case()) is None
    assert dunning_task.check(case(**ended("paid"))) == Skipped("settled")
