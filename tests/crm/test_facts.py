"""What is read from the mirror, in the shapes that several ages of the API tell it in."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from sync.crm.facts import Facts, load
from sync.mirror.apply import apply
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
        return load(conn, "", "cus_1", livemode=False)


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
    (subscription,) = read(engine, {**SUBSCRIPTION, **named}, *others).subscriptions
    (discount,) = subscription.discounts

    assert (discount.coupon, discount.forever) == ("HALF", True)
    assert discount.percent_off == Decimal("50.5")


def test_a_coupon_that_is_not_mirrored_is_known_by_name_only(engine: Engine) -> None:
    discount = {"id": "di_1", "object": "discount", "source": {"coupon": "HALF"}}
    (subscription,) = read(engine, {**SUBSCRIPTION, "discounts": ["di_1"]}, discount).subscriptions

    assert [(each.coupon, each.percent_off) for each in subscription.discounts] == [("HALF", None)]


@pytest.mark.parametrize(
    ("price", "unit_amount"),
    [
        ({"unit_amount": 1000}, Decimal(1000)),
        ({"unit_amount": None, "unit_amount_decimal": "0.5"}, Decimal("0.5")),
        ({"unit_amount": None, "unit_amount_decimal": None, "tiers_mode": "volume"}, None),
    ],
    ids=["whole", "fraction", "tiers"],
)
def test_what_one_unit_costs(engine: Engine, price: Json, unit_amount: Decimal | None) -> None:
    item = {"id": "si_1", "quantity": 2, "price": {**PRICE, **price}}
    told = {**SUBSCRIPTION, "items": {"data": [item], "has_more": False}}
    (subscription,) = read(engine, told).subscriptions

    assert subscription.items[0].unit_amount == unit_amount


def test_cards_are_known_by_when_they_expire(engine: Engine) -> None:
    card = {"id": "pm_1", "object": "payment_method", "customer": "cus_1"}
    known = read(engine, {**card, "card": {"exp_year": 2027, "exp_month": 3}})

    assert (known.customer, known.card_expiry) == (None, {"pm_1": "2027-03"})
