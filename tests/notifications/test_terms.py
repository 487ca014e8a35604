"""What a subscription costs and is paid with, from the mirror."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import Engine

from notifications import samples, terms
from notifications.subscribed import card_name, net_price
from notifications.terms import Method, Terms
from notifications.wording import Money, Period, Price
from sync.history.amounts import Discount
from sync.mirror import facts
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW, SECOND

ENDS = NOW + 10 * DAY
HALF = Discount(percent_off=Fraction(50), ends_at=ENDS)
FIVE_OFF = Discount(amount_off_minor=500)
THIRD = Discount(percent_off=Fraction(100, 3))
YEARLY = replace(samples.ITEM, id="si_year", unit_amount_minor=29000, interval="year")


def monthly(amount_minor: int, *, is_metered: bool = False) -> Price:
    line = (Money(amount_minor, "usd"), Period("month", 1))
    return Price((line,) if amount_minor else (), is_metered)


@pytest.mark.parametrize(
    ("known", "at", "amount_minor"),
    [
        pytest.param(Terms(), NOW, 2900, id="list"),
        pytest.param(Terms(discounts=[HALF]), ENDS - SECOND, 1450, id="percent"),
        pytest.param(Terms(discounts=[HALF]), ENDS, 2900, id="ended-on-that-day"),
        pytest.param(Terms(discounts=[FIVE_OFF]), NOW, 2400, id="amount"),
        pytest.param(Terms(discounts=[FIVE_OFF, HALF]), NOW, 950, id="percent-before-amount"),
        pytest.param(Terms(discounts=[THIRD]), NOW, 1933, id="rounded"),
        pytest.param(Terms(of_customer=[HALF]), NOW, 1450, id="the-customers"),
        pytest.param(
            Terms(discounts=[FIVE_OFF], of_customer=[HALF]), NOW, 2400, id="own-before-customers"
        ),
        pytest.param(Terms(of_items={"si_sample": [HALF]}), NOW, 1450, id="of-the-item"),
        pytest.param(Terms(of_items={"si_other": [HALF]}), NOW, 2900, id="of-another-item"),
        pytest.param(
            Terms(discounts=[Discount(amount_off_minor=9900)]), NOW, 0, id="never-below-zero"
        ),
    ],
)
def test_an_amount_is_after_discounts(known: Terms, at: Any, amount_minor: int) -> None:
    assert net_price([samples.ITEM], known, at) == monthly(amount_minor)


def test_what_depends_on_use_has_no_price() -> None:
    assert net_price([samples.ITEM_METERED], Terms(), NOW) == Price((), is_metered=True)
    both = net_price([samples.ITEM, samples.ITEM_METERED], Terms(), NOW)
    assert both == monthly(2900, is_metered=True)


@pytest.mark.parametrize(
    ("known", "minor"),
    [
        pytest.param(Terms(), (2900, 29000), id="list"),
        pytest.param(Terms(discounts=[HALF]), (1450, 14500), id="percent"),
        pytest.param(Terms(discounts=[FIVE_OFF]), (2400, 28500), id="off-each-invoice"),
    ],
)
def test_each_period_has_an_amount_of_its_own(known: Terms, minor: tuple[int, int]) -> None:
    price = net_price([samples.ITEM, YEARLY], known, NOW)

    month, year = (Money(each, "usd") for each in minor)
    assert price.lines == ((month, Period("month", 1)), (year, Period("year", 1)))


def test_what_costs_nothing_is_not_named_beside_what_does() -> None:
    nothing = replace(samples.ITEM, unit_amount_minor=0)

    assert net_price([nothing, YEARLY], Terms(), NOW) == net_price([YEARLY], Terms(), NOW)
    assert net_price([nothing], Terms(), NOW).is_free
    assert not net_price([nothing, samples.ITEM_METERED], Terms(), NOW).is_free


@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(Method(id="pm_1"), None, id="unknown"),
        pytest.param(samples.CARD, "Visa ••4242", id="card"),
        pytest.param(Method(id="pm_1", brand="new", last4="1"), "••1", id="unknown-brand"),
    ],
)
def test_a_card_is_named_as_its_holder_knows_it(method: Method | None, name: str | None) -> None:
    assert card_name(method) == name


@pytest.mark.parametrize(
    ("customer", "subscription", "charged"),
    [
        pytest.param({}, {}, None, id="nothing"),
        pytest.param({}, {"default_payment_method": "pm_1"}, "pm_1", id="own-method"),
        pytest.param({}, {"default_source": "card_1"}, "card_1", id="own-source"),
        pytest.param({"default_source": "card_2"}, {}, "card_2", id="customers-source"),
        pytest.param(
            {"invoice_settings": {"default_payment_method": "pm_2"}, "default_source": "card_2"},
            {},
            "pm_2",
            id="customers-method-first",
        ),
        pytest.param(
            {"invoice_settings": {"default_payment_method": "pm_2"}},
            {"default_source": "card_1"},
            "card_1",
            id="own-source-before-customers",
        ),
    ],
)
def test_the_method_that_would_be_charged(
    engine: Engine, customer: dict[str, Any], subscription: dict[str, Any], charged: str | None
) -> None:
    shop.mirror(engine, shop.customer(**customer), shop.subscription(**subscription))
    with engine.connect() as conn:
        found = terms.load(conn, "", "sub_1", None).method

    assert (found and found.id) == charged


@pytest.mark.parametrize("coupon_known", [True, False], ids=["known", "not-yet"])
def test_discounts_are_found_by_id(engine: Engine, coupon_known: bool) -> None:
    coupon = {"id": "c", "object": "coupon", "percent_off": 10, "duration": "forever"}
    discount = {
        "id": "di_1",
        "object": "discount",
        "customer": "cus_1",
        "subscription": "sub_1",
        "source": {"type": "coupon", "coupon": "c"},
    }
    shop.mirror(engine, discount, *([coupon] if coupon_known else []))
    shop.mirror(engine, shop.subscription(discounts=["di_1"]))
    with engine.connect() as conn:
        found = terms.load(conn, "", "sub_1", None)
        subscription = facts.load_subscription(conn, "", "sub_1")

    assert subscription is not None
    price = net_price(subscription.items, found, NOW)
    assert found.is_complete is coupon_known
    assert price == monthly(2610 if coupon_known else 2900)


def test_of_a_subscription_nobody_knows_nothing_is_known(engine: Engine) -> None:
    with engine.connect() as conn:
        assert terms.load(conn, "", "sub_1", None) == Terms()
