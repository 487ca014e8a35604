"""One truth in the shapes of several API versions: the typed columns are the same."""

from typing import Any

import pytest

from sync.mirror import shapes
from sync.mirror.objects import customer, invoice, price, subscription

PERIOD = {"current_period_start": 1_700_000_000, "current_period_end": 1_702_592_000}
PRICE = {"id": "price_1", "object": "price", "unit_amount": 900, "currency": "usd"}
RECURRING = {"recurring": {"interval": "month", "interval_count": 1}}
SUBSCRIPTION = {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"}
NEW_ITEM = {"id": "si_1", "quantity": 2, "price": {**PRICE, **RECURRING, "product": "prod_1"}}
OLD_ITEM = {
    "id": "si_1",
    "quantity": 2,
    "plan": {
        "id": "price_1",
        "amount": 900,
        "currency": "usd",
        "interval": "month",
        "interval_count": 1,
        "product": "prod_1",
    },
}


def sub(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**SUBSCRIPTION, "items": {"data": [item]}, **more}


SUBSCRIPTIONS = [
    pytest.param(
        sub({**NEW_ITEM, **PERIOD}, start_date=1, collection_method="send_invoice"), id="basil"
    ),
    pytest.param(
        sub(NEW_ITEM, **PERIOD, start_date=1, collection_method="send_invoice"), id="before-basil"
    ),
    pytest.param(
        sub(OLD_ITEM, **PERIOD, start=1, billing="send_invoice", customer={"id": "cus_1"}),
        id="2019-with-an-expanded-customer",
    ),
    pytest.param(
        sub(
            {**NEW_ITEM, **PERIOD, "plan": OLD_ITEM["plan"]},
            current_period_start=5,
            current_period_end=6,
            start_date=1,
            start=9,
            collection_method="send_invoice",
        ),
        id="old-and-new-at-once",
    ),
]


@pytest.mark.parametrize("shape", SUBSCRIPTIONS)
def test_a_subscription_in_any_shape(shape: dict[str, Any]) -> None:
    project, item_of = subscription.project, subscription.project_item
    (item,) = shape["items"]["data"]
    newest = SUBSCRIPTIONS[0].values[0]
    assert isinstance(newest, dict)

    assert project(shape) == project(newest)
    assert item_of(item, shape) == item_of(newest["items"]["data"][0], newest)


def test_the_next_renewal_is_that_of_the_first_item_to_renew() -> None:
    late = {**NEW_ITEM, "id": "si_2", "current_period_end": 1_800_000_000}
    shape = {**SUBSCRIPTION, "items": {"data": [late, {**NEW_ITEM, **PERIOD}]}}

    ends = subscription.project(shape)["current_period_end"]
    assert int(ends.timestamp()) == PERIOD["current_period_end"]


INVOICE = {"id": "in_1", "object": "invoice", "customer": "cus_1", "currency": "usd", "total": 900}
NEW_LINE = {
    "id": "il_1",
    "amount": 900,
    "pricing": {"price_details": {"price": "price_1", "product": "prod_1"}},
    "parent": {
        "type": "subscription_item_details",
        "subscription_item_details": {
            "subscription": "sub_1",
            "subscription_item": "si_1",
            "proration": True,
        },
    },
}
OLD_LINE = {
    "id": "il_1",
    "amount": 900,
    "price": {**PRICE, "product": "prod_1"},
    "subscription": "sub_1",
    "subscription_item": "si_1",
    "proration": True,
}
PARENT = {"parent": {"subscription_details": {"subscription": "sub_1"}}}
MOMENTS = {"finalized_at": 3, "paid_at": 4, "voided_at": None}
INVOICES = [
    pytest.param(
        {**INVOICE, **PARENT, "status": "paid", "created": 2, "status_transitions": MOMENTS},
        NEW_LINE,
        id="basil",
    ),
    pytest.param(
        {
            **INVOICE,
            "subscription": "sub_1",
            "status": "paid",
            "paid": True,
            "created": 2,
            "status_transitions": MOMENTS,
        },
        OLD_LINE,
        id="before-basil",
    ),
    pytest.param(
        {
            **INVOICE,
            "subscription": {"id": "sub_1"},
            "paid": True,
            "date": 2,
            "finalized_at": 3,
            "status_transitions": {"paid_at": 4},
        },
        {**OLD_LINE, "price": None, "plan": {"id": "price_1", "product": "prod_1"}},
        id="2019",
    ),
]


@pytest.mark.parametrize(("shape", "line"), INVOICES)
def test_an_invoice_in_any_shape(shape: dict[str, Any], line: dict[str, Any]) -> None:
    newest, newest_line = INVOICES[0].values
    assert isinstance(newest, dict)
    assert isinstance(newest_line, dict)

    assert invoice.project(shape) == invoice.project(newest)
    assert invoice.project_line(line, shape) == invoice.project_line(newest_line, newest)


def test_a_customers_balance_under_its_old_and_its_new_name() -> None:
    old, new = {"account_balance": -500}, {"balance": -500}

    assert customer.project(old) == customer.project(new)
    assert customer.project({"balance": 0, "account_balance": -500})["balance_minor"] == 0


def test_a_price_without_a_whole_unit_amount() -> None:
    row = price.project({**PRICE, "unit_amount": None, "unit_amount_decimal": "0.5"})

    assert (row["unit_amount_minor"], row["unit_amount_decimal"]) == (None, "0.5")


@pytest.mark.parametrize(
    ("listed", "complete"),
    [
        pytest.param({"data": [], "has_more": False}, True, id="whole"),
        pytest.param({"data": [], "has_more": True}, False, id="cut-short"),
        pytest.param({"data": []}, True, id="says-nothing"),
    ],
)
def test_a_list_that_stripe_cut_short_is_not_taken_for_whole(
    listed: dict[str, Any], *, complete: bool
) -> None:
    (children,) = invoice.OBJECT.children

    assert children.complete({"lines": listed}) is complete


@pytest.mark.parametrize(
    ("shape", "row"),
    [
        pytest.param(
            {"amount_due": 900, "amount_paid": 900, "amount_remaining": 0, "status": "paid"},
            (900, 0),
            id="basil",
        ),
        pytest.param(
            {"amount_due": 900, "amount_paid": 0, "paid": True, "paid_out_of_band": True},
            (900, 0),
            id="before-basil-outside-of-stripe",
        ),
        pytest.param(
            {"amount_due": 9, "amount_paid": 0, "amount_remaining": 9, "paid_out_of_band": True},
            (0, 9),
            id="flagged-but-not-paid",
        ),
    ],
)
def test_money_from_outside_of_stripe_counts_as_paid(
    shape: dict[str, Any], row: tuple[int, int]
) -> None:
    projected = invoice.project(shape)

    assert (projected["amount_paid_minor"], projected["amount_remaining_minor"]) == row


@pytest.mark.parametrize(
    ("line", "found"),
    [
        pytest.param({"id": "il_1"}, "il_1", id="since-2019-12-03"),
        pytest.param({"id": "sub_1", "unique_id": "il_1"}, "il_1", id="before"),
    ],
)
def test_a_line_stands_under_the_id_that_is_its_own(line: dict[str, Any], found: str) -> None:
    (children,) = invoice.OBJECT.children

    (row,) = children.rows({**INVOICE, "lines": {"data": [line]}})
    assert row["id"] == found


@pytest.mark.parametrize(
    "line",
    [
        pytest.param({"price": "price_1"}, id="price-id"),
        pytest.param({"price": {"id": "price_1", "type": "one_time"}, "plan": None}, id="one-time"),
        pytest.param({"plan": {"id": "price_1"}}, id="plan-alone"),
        pytest.param({"pricing": {"price_details": {"price": {"id": "price_1"}}}}, id="expanded"),
    ],
)
def test_the_price_of_a_line(line: dict[str, Any]) -> None:
    assert invoice.project_line(line, INVOICE)["price"] == "price_1"


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param({"parent": {"quote_details": {"quote": "qt_1"}}}, id="basil"),
        pytest.param({"quote": "qt_1"}, id="before-basil"),
        pytest.param({"quote": {"id": "qt_1"}, "parent": None}, id="expanded"),
    ],
)
def test_the_quote_behind_an_invoice(shape: dict[str, Any]) -> None:
    assert invoice.project(shape)["quote"] == "qt_1"


TAX = {"amount": 60}


@pytest.mark.parametrize(
    ("shape", "tax"),
    [
        pytest.param({"total_taxes": [TAX, {"amount": 3}]}, 63, id="basil"),
        pytest.param({"tax": 63, "total_tax_amounts": [TAX]}, 63, id="before-basil"),
        pytest.param({"total_taxes": []}, 0, id="none"),
        pytest.param({"tax": None}, 0, id="none-before-basil"),
    ],
)
def test_the_tax_on_an_invoice(shape: dict[str, Any], tax: int) -> None:
    assert invoice.project(shape)["tax_minor"] == tax


@pytest.mark.parametrize(
    ("shape", "minor"),
    [
        pytest.param({"total_discount_amounts": [TAX, TAX]}, 120, id="two"),
        pytest.param({"total_discount_amounts": []}, 0, id="none"),
        pytest.param({"discount": {"id": "di_1"}}, None, id="not-told"),
    ],
)
def test_the_discount_on_an_invoice(shape: dict[str, Any], minor: int | None) -> None:
    assert invoice.project(shape)["discount_minor"] == minor


@pytest.mark.parametrize(
    ("value", "small", "large"),
    [
        (2**31 - 1, 2**31 - 1, 2**31 - 1),
        (2**31, None, 2**31),
        (-(2**63), None, -(2**63)),
        (2**63, None, None),
        (True, None, None),
        (1.0, None, None),
    ],
)
def test_a_number_that_no_column_can_hold_is_none(
    value: object, small: int | None, large: int | None
) -> None:
    assert (shapes.count(value), shapes.integer(value)) == (small, large)


def test_a_list_shows_what_has_an_id() -> None:
    listed = {"data": [{"id": "si_1"}, {"id": None}, "si_2", None], "has_more": True}

    assert shapes.listed({"items": listed}, "items") == {
        "data": [{"id": "si_1"}],
        "has_more": True,
    }
    assert shapes.listed({"items": "si_1"}, "items") == {}
