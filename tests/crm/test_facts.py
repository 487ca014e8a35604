"""What is read from the mirror, in the shapes that several ages of the API tell it in."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from sync.crm.coupons import AppliedCoupon
from sync.crm.facts import Facts, load
from sync.mirror.apply import apply
from tests.crm.known import NOW
from tests.mirror.fold import shown

Json = Mapping[str, Any]
COUPON = {"id": "HALF", "object": "coupon", "percent_off": 50.5, "duration": "forever"}
PRICE = {"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000}
SUBSCRIPTION = {
    "id": "sub_1",
    "object": "subscription",
    "customer": "cus_1",
    "status": "active",
    "created": 1,
    "items": {"data": [{"id": "si_1", "quantity": 2, "price": PRICE}], "has_more": False},
}


def read(engine: Engine, *objects: Json) -> Facts:
    told = [
        {"id": f"evt_{n}", "type": f"{o['object']}.updated", "created": n, "data": {"object": o}}
        for n, o in enumerate(objects)
    ]
    with engine.begin() as conn:
        apply(conn, [shown(orjson.dumps(event)) for event in told])
        return load(conn, "", "cus_1", NOW, livemode=False)


@pytest.mark.parametrize(
    ("named", "others"),
    [
        pytest.param({"discount": {"coupon": COUPON}}, [], id="an-object-until-2025"),
        pytest.param(
            {"discounts": ["di_1"]},
            [{"id": "di_1", "object": "discount", "coupon": COUPON}],
            id="by-id",
        ),
        pytest.param(
            {"discounts": ["di_1"]},
            [{"id": "di_1", "object": "discount", "source": {"coupon": "HALF"}}, COUPON],
            id="by-id-of-both-since-clover",
        ),
        pytest.param(
            {"discounts": [{"id": "di_1", "source": {"coupon": COUPON}}], "discount": None},
            [],
            id="expanded",
        ),
    ],
)
def test_a_discount_is_found_wherever_it_stands(
    engine: Engine, named: Json, others: list[Json]
) -> None:
    known = read(engine, {**SUBSCRIPTION, **named}, *others)

    assert [each.coupon for each in known.coupons["sub_1"]] == ["HALF"]


def test_a_discount_tells_when_it_ends(engine: Engine) -> None:
    discount = {"id": "di_1", "object": "discount", "source": {"coupon": "HALF"}, "end": 86_400}
    known = read(engine, {**SUBSCRIPTION, "discounts": ["di_1"]}, discount)

    assert known.coupons["sub_1"] == [AppliedCoupon("HALF", datetime(1970, 1, 2, tzinfo=UTC))]


@pytest.mark.parametrize(
    ("year", "month", "last_day"),
    [(2027, 2, date(2027, 2, 28)), (2027, 12, date(2027, 12, 31)), (2027, 13, None)],
    ids=["february", "december", "no-month"],
)
def test_cards_are_known_by_their_last_day(
    engine: Engine, year: int, month: int, last_day: date | None
) -> None:
    card = {"id": "pm_1", "object": "payment_method", "customer": "cus_1"}
    known = read(engine, {**card, "card": {"exp_year": year, "exp_month": month}})

    assert (known.customer, known.card_expires.get("pm_1")) == (None, last_day)


@pytest.mark.parametrize(
    ("told", "outside"),
    [
        ({"amount_paid": 900, "amount_paid_off_stripe": 900}, True),
        ({"amount_paid": 900, "amount_paid_off_stripe": 400}, False),
        ({"amount_paid": 900, "amount_paid_off_stripe": 0}, False),
        ({"amount_paid": 0, "paid": True, "paid_out_of_band": True}, True),
    ],
    ids=["all", "a-part", "nothing", "as-told-until-basil"],
)
def test_what_was_paid_outside_of_stripe(engine: Engine, told: Json, outside: bool) -> None:
    bill = {"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "paid", **told}

    assert ("in_1" in read(engine, bill).takings.off_stripe) is outside
