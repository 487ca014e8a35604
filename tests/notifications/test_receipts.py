"""What was paid, and what went back."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifications import samples
from notifications.case import Mail
from notifications.kinds import receipt, refund_confirmed
from notifications.render import render
from notifications.wording import Money
from sync.changes import Done, Effect, RetryIn, Skipped
from sync.mirror.facts import LineFacts
from sync.store import outbox
from tests.notifications import shop
from tests.notifications.changes import change, loaded, planned
from tests.notifications.shop import DAY, HOUR, NOW, SECOND

PAID_AT = NOW - HOUR


def paid(**changed: Any) -> dict[str, Any]:
    """Return an invoice that was paid an hour ago."""
    settled = {
        "status": "paid",
        "amount_paid": 2900,
        "amount_remaining": 0,
        "total": 2900,
        "status_transitions": {"paid_at": shop.seconds(PAID_AT)},
    }
    return shop.invoice(**{**settled, **changed})


@pytest.mark.parametrize(
    ("after", "before", "due"),
    [
        pytest.param(paid(), shop.invoice(), [PAID_AT], id="paid"),
        pytest.param(paid(), None, [PAID_AT], id="first-seen-paid"),
        pytest.param(paid(), paid(), [], id="paid-before"),
        pytest.param(paid(status_transitions=None), None, [NOW], id="when-is-not-told"),
        pytest.param(paid(amount_paid=1), None, [PAID_AT], id="a-cent"),
        pytest.param(paid(amount_paid=0), None, [], id="nothing-to-pay"),
        pytest.param(paid(billing_reason="subscription_create"), None, [PAID_AT], id="the-first"),
        pytest.param(shop.invoice(amount_paid=100), None, [], id="paid-in-part"),
        pytest.param(shop.invoice(status="void"), shop.invoice(), [], id="void"),
    ],
)
def test_what_gets_a_receipt(after: Any, before: Any, due: list[Any]) -> None:
    found = planned("receipt", change(after, before))

    assert [effect.key for effect in found] == [":test:receipt:in_1"] * len(due)
    assert [effect.due_at for effect in found] == due
    assert all(effect.expires_at == effect.due_at + 7 * DAY for effect in found)


def thanks(state: str, about: str = "in_sample") -> Mail:
    return Mail(kind="payment_recovered", subject={"invoice": about}, state=state, at=NOW)


SETTLED = samples.invoice(status="paid", amount_paid_minor=2900, amount_remaining_minor=0)
WAITS = RetryIn(60.0, "recovery_undecided")


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        pytest.param({}, None, id="paid"),
        pytest.param({"invoice": None}, Skipped("invoice_deleted"), id="gone"),
        pytest.param(
            {"invoice": replace(SETTLED, deleted=True)}, Skipped("invoice_deleted"), id="x"
        ),
        pytest.param({"invoice": replace(SETTLED, status="open")}, Skipped("not_paid"), id="open"),
        pytest.param(
            {"invoice": replace(SETTLED, amount_paid_minor=0)},
            Skipped("nothing_paid"),
            id="nothing",
        ),
        pytest.param({"mails": (thanks("sent"),)}, Skipped("payment_recovered"), id="thanked"),
        pytest.param({"mails": (thanks("unknown"),)}, Skipped("payment_recovered"), id="perhaps"),
        pytest.param({"mails": (thanks("skipped"),)}, None, id="thanks-were-not-due"),
        pytest.param({"mails": (thanks("failed"),)}, None, id="thanks-did-not-get-through"),
        pytest.param({"mails": (thanks("pending"),)}, WAITS, id="undecided"),
        pytest.param({"mails": (thanks("sending"),)}, WAITS, id="just-leaving"),
        pytest.param({"mails": (thanks("sent", "in_other"),)}, None, id="thanked-for-another"),
    ],
)
def test_a_receipt_gives_way_to_thanks(known: dict[str, Any], verdict: Any) -> None:
    subject = {"invoice": "in_sample"}
    case = samples.case(shop.policy(), subject=subject, **{"invoice": SETTLED, **known})

    assert receipt.check(case) == verdict


def line(amount_minor: int) -> LineFacts:
    return LineFacts(
        id="il_1",
        description="Box",
        product_name=None,
        quantity=1,
        currency="usd",
        amount_minor=amount_minor,
    )


@pytest.mark.parametrize(
    ("amounts", "invoice", "told"),
    [
        pytest.param([2900], {}, {"tax": None, "total": None, "has_more": False}, id="plain"),
        pytest.param([2900], {"tax_minor": 190}, {"is_tax_inside": True}, id="tax-inside"),
        pytest.param([2710], {"tax_minor": 190}, {"is_tax_inside": False}, id="tax-on-top"),
        pytest.param(
            [3900],
            {"discount_minor": 1000},
            {"discount": Money(-1000, "usd"), "is_tax_inside": True},
            id="discounted",
        ),
        pytest.param(
            [3900], {"total_minor": 3900}, {"total": Money(3900, "usd")}, id="rest-from-the-balance"
        ),
        pytest.param([100] * 12, {"total_minor": 1200}, {"has_more": False}, id="as-many-as-fit"),
        pytest.param([100] * 13, {"total_minor": 1300}, {"has_more": True}, id="one-more"),
        pytest.param([2899], {}, {"has_more": True}, id="a-list-cut-short"),
    ],
)
def test_the_lines_add_up_to_what_was_paid(
    amounts: list[int], invoice: dict[str, Any], told: dict[str, Any]
) -> None:
    lines = tuple(map(line, amounts))
    case = samples.case(shop.policy(), subject={}, invoice=replace(SETTLED, **invoice), lines=lines)
    context = receipt.context(case)

    assert {name: context[name] for name in told} == told
    assert len(context["lines"]) == min(12, len(amounts))


def box(**changed: Any) -> dict[str, Any]:
    """Return a line for two boxes from 1 to 31 December, as Stripe renders it since basil."""
    of_item = {"subscription_item": "si_1", "subscription": "sub_1", "proration": False}
    return {
        "id": "il_1",
        "object": "line_item",
        "amount": 2900,
        "currency": "usd",
        "quantity": 2,
        "description": "2 × Garden Box (at $14.50 / month)",  # noqa: RUF001 — Stripe writes it so
        "period": {"start": shop.seconds(NOW), "end": shop.seconds(NOW + 30 * DAY)},
        "parent": {
            "type": "subscription_item_details",
            "subscription_item_details": of_item,
        },
        "pricing": {
            "type": "price_details",
            "price_details": {"price": "price_1", "product": "prod_1"},
        },
        **changed,
    }


CREDIT = {"type": "invoice_item_details", "invoice_item_details": {"invoice_item": "ii_1"}}
PRICE = {**shop.item(unit_amount=1450)["price"], "type": "recurring"}
STRIPES = "2 × Garden Box (at $14.50 / month): $"  # noqa: RUF001 — Stripe writes it so
OURS_TH = "2 × Garden Box, 1 ธันวาคม ค.ศ. 2026 – 31 ธันวาคม ค.ศ. 2026: US$29.00"  # noqa: RUF001 — as Stripe writes it


@pytest.mark.parametrize(
    ("changed", "known", "language", "says"),
    [
        pytest.param({}, [shop.product(), PRICE], "th", OURS_TH, id="thai"),
        pytest.param(
            {},
            [shop.product(), PRICE],
            "en",
            "2 × Garden Box, December 1, 2026 – December 31, 2026: $29.00",  # noqa: RUF001 — as Stripe writes it
            id="english",
        ),
        pytest.param({}, [shop.product()], "en", STRIPES, id="price-unknown"),
        pytest.param({}, [PRICE], "en", STRIPES, id="product-unknown"),
        pytest.param(
            {"amount": 1000}, [shop.product(), PRICE], "en", STRIPES, id="other-than-the-list-price"
        ),
        pytest.param(
            {"parent": CREDIT}, [shop.product(), PRICE], "en", STRIPES, id="added-by-hand"
        ),
    ],
)
def test_what_is_known_is_told_in_the_readers_language(
    engine: Engine, changed: Any, known: Any, language: str, says: str
) -> None:
    settled = paid(lines={"data": [box(**changed)], "has_more": False})
    shop.mirror(engine, shop.customer(preferred_locales=[language]), *known)
    shop.plan(engine, shop.mirror(engine, settled))
    (claimed,) = shop.claim(engine, NOW)

    assert says in render(receipt.KIND, loaded(engine, claimed)).text


def test_a_payment_from_event_to_mail(engine: Engine, tmp_path: Any) -> None:
    box = {"id": "il_1", "amount": 2900, "currency": "usd", "description": "1 x Box"}
    settled = paid(lines={"data": [box], "has_more": False})
    shop.mirror(engine, shop.customer(), shop.invoice(), at=NOW - DAY)
    shop.plan(engine, shop.mirror(engine, settled))
    shop.plan(engine, shop.mirror(engine, {**settled, "metadata": {"a": "b"}}, at=NOW + SECOND))
    outcomes = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert [type(outcome) for outcome in outcomes] == [Done]
    (file,) = tmp_path.iterdir()
    assert b"1 x Box: $29.00" in file.read_bytes()


def test_thanks_in_the_outbox_stand_in_for_the_receipt(engine: Engine) -> None:
    shop.mirror(engine, shop.customer(), shop.invoice(), at=NOW - DAY)
    shop.plan(engine, shop.mirror(engine, paid()))
    with engine.begin() as conn:
        row = Effect(
            key="k",
            channel="mail",
            kind="payment_recovered",
            due_at=NOW + DAY,
            customer_id="cus_1",
            subject={"campaign": "1", "invoice": "in_1"},
        )
        outbox.add(conn, [row])
    (claimed,) = shop.claim(engine, NOW)
    assert receipt.check(loaded(engine, claimed)) == WAITS

    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET state = 'sent' WHERE key = 'k'"))
    assert receipt.check(loaded(engine, claimed)) == Skipped("payment_recovered")


CHARGE = {
    "id": "ch_1",
    "object": "charge",
    "customer": "cus_1",
    "amount": 2900,
    "status": "succeeded",
    "disputed": False,
    "created": shop.seconds(NOW - 5 * DAY),
}


def refund(**changed: Any) -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "charge": "ch_1",
        "amount": 2900,
        "currency": "usd",
        "status": "succeeded",
        "reason": "requested_by_customer",
        "created": shop.seconds(NOW - HOUR),
        **changed,
    }


@pytest.mark.parametrize(
    ("after", "before", "due"),
    [
        pytest.param({}, None, [NOW - HOUR], id="done"),
        pytest.param({"status": "pending"}, None, [NOW - HOUR], id="under-way"),
        pytest.param({}, {"status": "pending"}, [], id="told-when-it-was-under-way"),
        pytest.param({}, {}, [], id="a-bank-reference-came"),
        pytest.param({"status": "requires_action"}, None, [], id="waits-for-the-customer"),
        pytest.param({"status": "pending"}, {"status": "requires_action"}, [NOW], id="set-going"),
        pytest.param({"status": "failed"}, {"status": "pending"}, [], id="failed"),
        pytest.param({"status": "canceled"}, None, [], id="canceled"),
    ],
)
def test_a_refund_is_confirmed_once(after: Any, before: Any, due: list[Any]) -> None:
    step = change(refund(**after), None if before is None else refund(**before))
    found = planned("refund_confirmed", step)

    assert [effect.key for effect in found] == [":test:refund_confirmed:re_1:confirmed"] * len(due)
    assert [effect.due_at for effect in found] == due
    assert all(effect.expires_at == effect.due_at + DAY for effect in found)


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        pytest.param([], None, id="refunded"),
        pytest.param([refund(status="pending")], None, id="under-way"),
        pytest.param([refund(status="failed")], "refund_failed", id="failed-meanwhile"),
        pytest.param([refund(status="canceled")], "refund_canceled", id="canceled-meanwhile"),
        pytest.param([refund(reason="expired_uncaptured_charge")], "uncaptured", id="never-taken"),
        pytest.param([{**CHARGE, "disputed": True}], "disputed", id="disputed"),
        pytest.param(
            [{"id": "dp_1", "object": "dispute", "charge": "ch_1"}], "disputed", id="dispute"
        ),
        pytest.param(
            [{"id": "dp_1", "object": "dispute", "charge": "ch_2"}], None, id="anothers-dispute"
        ),
    ],
)
def test_a_refund_from_event_to_mail(
    engine: Engine, tmp_path: Any, also: list[Any], reason: str | None
) -> None:
    """A refund names its charge only; the charge names whom to write to."""
    shop.mirror(engine, shop.customer(), CHARGE)
    shop.plan(engine, shop.mirror(engine, refund()))
    shop.mirror(engine, *(also or [CHARGE]), at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert outcome == Skipped(reason) if reason else isinstance(outcome, Done)


def test_a_refund_whose_payment_is_not_known_yet_is_waited_for(engine: Engine) -> None:
    shop.mirror(engine, shop.customer())
    shop.plan(engine, shop.mirror(engine, refund()))

    (outcome,) = shop.deliver_due(engine, "file:///nonexistent", NOW)
    assert outcome == RetryIn(15.0, "customer_unknown")


INTENT = {"id": "pi_1", "object": "payment_intent", "customer": "cus_1", "status": "succeeded"}


@pytest.mark.parametrize(
    ("payment", "named"),
    [
        pytest.param(CHARGE, {}, id="charge"),
        pytest.param(INTENT, {"charge": None, "payment_intent": "pi_1"}, id="no-charge"),
    ],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["known", "comes-in-later"])
def test_a_refund_is_noted_with_its_customer(
    engine: Engine, tmp_path: Any, payment: Any, named: Any, is_late: bool
) -> None:
    shop.mirror(engine, shop.customer(), *([] if is_late else [payment]))
    shop.plan(engine, shop.mirror(engine, refund(**named)))
    planned_for = shop.rows(engine, "customer_id")
    shop.mirror(engine, payment, at=NOW + SECOND)
    (outcome,) = shop.deliver_due(engine, tmp_path.as_uri(), NOW)

    assert planned_for == [(None if is_late else "cus_1",)]
    assert isinstance(outcome, Done)
    assert shop.rows(engine, "customer_id") == [("cus_1",)]


@pytest.mark.parametrize(
    ("charged", "part"),
    [pytest.param(2900, False, id="whole"), pytest.param(2901, True, id="part")],
)
def test_a_part_is_called_a_part(charged: int, part: bool) -> None:
    named = {"refund": refund(), "charge": {**CHARGE, "amount": charged}}
    case = samples.case(shop.policy(), subject={}, named=named)

    assert refund_confirmed.context(case)["is_part"] is part
