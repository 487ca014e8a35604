"""From facts to a CRM's fields, by the rulings."""

from datetime import date
from typing import Any

import pytest

from sync.access import Access
from sync.crm.coupons import AppliedCoupon
from sync.crm.refusals import Refusals
from sync.crm.takings import Dispute
from tests.crm.known import (
    charge,
    customer,
    day,
    fields,
    invoice,
    item,
    known,
    refund,
    subscription,
    takings,
)

ENDED = subscription(
    "canceled",
    canceled_at=day(3),
    ended_at=day(31),
    cancellation_reason="cancellation_requested",
    cancellation_feedback="too_expensive",
)
ENDING = subscription(
    cancel_at_period_end=True,
    canceled_at=day(3),
    cancellation_reason="cancellation_requested",
    cancellation_feedback="unused",
)
BACK = subscription(id="sub_2", created=day(60), current_period_end=day(91))
CANCEL = (
    "cancel_at canceled_at ended_at cancel_reason cancel_feedback"
    " last_cancel_reason last_cancel_feedback"
).split()
ASKED, ENDED_AT, EXPENSIVE = "2026-01-04T00:00:00Z", "2026-02-01T00:00:00Z", "too_expensive"
REQUESTED = "cancellation_requested"


def shown(names: list[str], *subscriptions: Any, **given: Any) -> list[Any]:
    snapshot = fields(known(*subscriptions, **given))
    return [snapshot[name] for name in names]


@pytest.mark.parametrize(
    ("subscriptions", "cancel"),
    [
        pytest.param([subscription()], [None] * 7, id="goes-on"),
        pytest.param(
            [ENDED],
            [None, ASKED, ENDED_AT, REQUESTED, EXPENSIVE, REQUESTED, EXPENSIVE],
            id="ended",
        ),
        pytest.param(
            [ENDING],
            [ENDED_AT, ASKED, None, REQUESTED, "unused", REQUESTED, "unused"],
            id="end-is-scheduled",
        ),
        pytest.param(
            [ENDED, BACK],
            [None] * 5 + [REQUESTED, EXPENSIVE],
            id="live-again-keeps-the-last-reason",
        ),
        pytest.param(
            [subscription(cancel_at=day(9), canceled_at=day(3))],
            ["2026-01-10T00:00:00Z", ASKED] + [None] * 5,
            id="ends-on-a-day",
        ),
    ],
)
def test_when_and_why_somebody_leaves(subscriptions: list[Any], cancel: list[Any]) -> None:
    assert shown(CANCEL, *subscriptions) == cancel


def test_an_erased_customer_keeps_ids_and_no_contact_data() -> None:
    gone = known(ENDED, customer=customer(deleted=True), invoices=(invoice("open"),))

    snapshot = fields(gone)

    assert snapshot["deleted"] is True
    assert (snapshot["customer_id"], snapshot["subscription_id"]) == ("cus_1", "sub_1")
    assert [snapshot[name] for name in ("email", "name", "open_invoice_url")] == [None] * 3


def test_somebody_only_others_named_so_far_has_a_record_too() -> None:
    assert shown(["customer_id", "email", "deleted", "status"], customer=None) == [
        "cus_1",
        None,
        False,
        None,
    ]


def test_plans_of_all_that_lives_and_the_quantity_of_what_stands_for_them() -> None:
    box = subscription(
        id="sub_2", created=day(9), items=(item(product_name="Box"), item(quantity=2))
    )
    ended = subscription("canceled", id="sub_3", items=(item(product_name="Tea"),))

    assert shown(["plan", "plans", "quantity", "subscription_ids"], subscription(), box, ended) == [
        "Box",
        ["Box", "Coffee"],
        3,
        ["sub_1", "sub_2"],
    ]


MONEY = "ltv_gross_minor ltv_net_minor first_paid_at last_paid_at last_paid_minor".split()


def test_lifetime_value_is_what_was_paid_less_what_went_back() -> None:
    invoices = (
        invoice(paid_minor=1500, id="in_2", paid_at=day(9)),
        invoice(),
        invoice("open", id="in_3"),
        invoice(paid_minor=0, id="in_4", paid_at=day(20)),
    )
    told = takings((charge(amount_refunded_minor=300),), (refund(300), refund(50, "failed")))

    assert shown(MONEY, subscription(), invoices=invoices, takings=told) == [
        2500,
        2200,
        "2026-01-01T00:00:00Z",
        "2026-01-10T00:00:00Z",
        1500,
    ]


@pytest.mark.parametrize(
    ("subscriptions", "own", "currency"),
    [
        pytest.param([subscription(currency="eur")], "usd", "eur", id="of-what-runs"),
        pytest.param([subscription("canceled", currency="eur")], "usd", "usd", id="their-own"),
        pytest.param([], None, "thb", id="of-the-latest-invoice"),
    ],
)
def test_the_main_currency(subscriptions: list[Any], own: str | None, currency: str) -> None:
    invoices = (invoice(), invoice(id="in_2", currency="thb"))
    given = {"customer": customer(currency=own), "invoices": invoices}

    assert shown(["currency"], *subscriptions, **given) == [currency]


def test_amounts_in_other_currencies_are_left_out() -> None:
    told = takings((), (refund(100, currency="eur"), refund(1)))
    invoices = (invoice(), invoice(paid_minor=7, id="in_2", currency="eur"))

    assert shown(MONEY[:2], subscription(), invoices=invoices, takings=told) == [1000, 999]


REFUSED = (charge("ch_1", "failed", created=day(3)), charge("ch_2", "failed"))
FAILED = takings(REFUSED)
THEIRS = takings(REFUSED, intents={"in_1": frozenset({"pi_1"})})
OUTSIDE = takings(REFUSED, off_stripe=frozenset({"in_1"}))
CONFIRMED = takings(refusals={"in_1": Refusals(1, day(2)), "in_2": Refusals(9, day(1))})
DEBIT = takings((charge(status="pending"),), intents={"in_1": frozenset({"pi_1"})})


@pytest.mark.parametrize(
    ("billed", "told", "count"),
    [
        pytest.param(invoice(), FAILED, 0, id="paid-at-once"),
        pytest.param(invoice(attempt_count=0), FAILED, 0, id="paid-without-an-attempt"),
        pytest.param(invoice(attempt_count=3), FAILED, 2, id="paid-at-the-third"),
        pytest.param(invoice(attempt_count=2), THEIRS, 2, id="paid-by-hand-after-two"),
        pytest.param(invoice(attempt_count=1), THEIRS, 1, id="never-more-than-attempts"),
        pytest.param(invoice(attempt_count=2), OUTSIDE, 2, id="paid-outside-of-stripe-after-two"),
        pytest.param(invoice(attempt_count=1), CONFIRMED, 1, id="paid-once-confirmed"),
        pytest.param(invoice(attempt_count=3), CONFIRMED, 2, id="events-tell-of-fewer"),
        pytest.param(invoice("open", attempt_count=1), DEBIT, 0, id="a-debit-under-way"),
        pytest.param(invoice("open", attempt_count=2), DEBIT, 1, id="a-debit-after-a-failure"),
        pytest.param(invoice("open", attempt_count=3), FAILED, 3, id="open"),
        pytest.param(invoice("void", attempt_count=4), FAILED, 4, id="given-up"),
    ],
)
def test_how_often_payment_failed(billed: Any, told: Any, count: int) -> None:
    assert shown(["failed_payment_count"], invoices=(billed,), takings=told) == [count]


@pytest.mark.parametrize(
    ("billed", "stage"),
    [
        pytest.param(invoice("open", attempt_count=0), None, id="not-tried-yet"),
        pytest.param(invoice("open", next_payment_attempt=day(9)), "retrying", id="retrying"),
        pytest.param(invoice("open"), "exhausted", id="no-retry-left"),
        pytest.param(invoice(), None, id="paid"),
    ],
)
def test_how_far_dunning_is(billed: Any, stage: str | None) -> None:
    assert shown(["dunning_stage"], invoices=(billed,)) == [stage]


@pytest.mark.parametrize(("attempts", "stage"), [(1, None), (2, "exhausted")])
def test_a_debit_under_way_is_no_dunning(attempts: int, stage: str | None) -> None:
    billed = invoice("open", attempt_count=attempts)

    assert shown(["dunning_stage"], invoices=(billed,), takings=DEBIT) == [stage]


def test_an_attempt_without_a_charge_may_be_the_last_failure() -> None:
    assert shown(["last_failed_at"], takings=CONFIRMED) == ["2026-01-03T00:00:00Z"]


def test_the_last_failure_is_the_latest_refused_charge() -> None:
    assert shown(["last_failed_at"], takings=FAILED) == ["2026-01-04T00:00:00Z"]


def test_the_card_that_would_be_charged() -> None:
    expiry = {"pm_own": date(2027, 1, 31), "pm_theirs": date(2028, 2, 29)}
    owner = customer(default_payment_method="pm_theirs")
    own = subscription(default_payment_method="pm_own")

    assert shown(["card_expires"], own, customer=owner, card_expires=expiry) == ["2027-01-31"]
    assert shown(["card_expires"], subscription(), customer=owner, card_expires=expiry) == [
        "2028-02-29"
    ]
    assert shown(["card_expires"], customer=owner) == [None]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "https://dashboard.stripe.com/test/customers/cus_1"),
        ({"livemode": True}, "https://dashboard.stripe.com/customers/cus_1"),
        ({"account": "acct_1"}, "https://dashboard.stripe.com/acct_1/test/customers/cus_1"),
    ],
)
def test_where_stripe_shows_the_customer(given: dict[str, Any], url: str) -> None:
    assert shown(["stripe_url"], **given) == [url]


def test_pause_trial_and_coupon_of_what_stands_for_the_customer() -> None:
    paused = subscription(pause_collection_behavior="void", resumes_at=day(40), trial_end=day(1))
    names = ["paused_until", "trial_end", "coupon"]
    theirs = {"cus_1": [AppliedCoupon("WELCOME")]}
    own = {**theirs, "sub_1": [AppliedCoupon("OWN")]}

    assert shown(names, paused, coupons=theirs) == [
        "2026-02-10T00:00:00Z",
        "2026-01-02T00:00:00Z",
        "WELCOME",
    ]
    assert shown(names, subscription(), coupons=own) == [None, None, "OWN"]
    over = {"cus_1": [AppliedCoupon("WELCOME", ends_at=day(10))]}
    assert shown(names, subscription(), coupons=over) == [None, None, None]


@pytest.mark.parametrize(
    ("status", "net"),
    [
        pytest.param("lost", 600, id="lost"),
        pytest.param("under_review", 600, id="the-bank-holds-it"),
        pytest.param("won", 1000, id="won"),
        pytest.param("warning_needs_response", 1000, id="an-inquiry-takes-nothing"),
    ],
)
def test_what_a_bank_took_back_is_not_kept(status: str, net: int) -> None:
    disputes = (
        Dispute(status=status, currency="usd", amount_minor=400),
        Dispute(status="lost", currency="eur", amount_minor=7),
    )
    given = {"invoices": (invoice(),), "takings": takings(disputes=disputes)}

    assert shown(["ltv_net_minor"], subscription(), **given) == [net]


def test_access_as_it_was_last_noted() -> None:
    names = ["access_state", "access_reason", "access_since", "access_until"]
    late = Access(state="grace", reason="payment_late", since=day(3), until=day(17))

    assert shown(names, access=late) == [
        "grace",
        "payment_late",
        "2026-01-04T00:00:00Z",
        "2026-01-18T00:00:00Z",
    ]
    assert shown(names) == ["none", None, None, None]
