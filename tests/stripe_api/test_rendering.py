"""How objects are shown: expanded, hidden, cut short."""

from typing import Any

import pytest

from app.simulator.stripe_api.account import Account
from app.simulator.stripe_api.answer import answer, parsed
from app.simulator.stripe_api.refusal import Refused
from tests.stripe_api.objects import invoice, listed, obj, subscription


@pytest.fixture
def account() -> Account:
    """Hold a customer with a subscription whose discount is of a coupon."""
    account = Account()
    price = obj("price", "price_1", product="prod_1", tiers=[{"up_to": None}])
    item = obj("subscription_item", "si_1", price=price, subscription="sub_1")
    account.put(
        obj("customer", "cus_1", discount=None),
        obj("tax_id", "txi_1", customer="cus_1"),
        obj("coupon", "HALF"),
        obj("product", "prod_1"),
        price,
        {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": "HALF"}},
        subscription(
            "sub_1",
            customer="cus_1",
            discounts=["di_1"],
            latest_invoice=None,
            items=listed(item, url="/v1/subscription_items?subscription=sub_1"),
        ),
    )
    return account


def asked(account: Account, address: str) -> Any:
    path, _, query = address.partition("?")
    return answer(account, path, parsed(query))


def test_ids_stay_ids_unless_expanded(account: Account) -> None:
    plain = asked(account, "/v1/subscriptions/sub_1")

    assert (plain["customer"], plain["discounts"]) == ("cus_1", ["di_1"])


def test_lists_of_ids_are_expanded_and_what_is_in_them(account: Account) -> None:
    found = asked(account, "/v1/subscriptions/sub_1?expand[]=discounts.source.coupon")

    assert found["discounts"][0]["source"]["coupon"]["object"] == "coupon"


def test_every_element_of_a_list_is_expanded_below_data(account: Account) -> None:
    address = "/v1/subscriptions?expand[0]=data.customer&expand[1]=data.items.data.price"
    (found,) = asked(account, address)["data"]

    assert found["customer"]["object"] == "customer"


def test_what_is_only_there_when_expanded_appears(account: Account) -> None:
    plain = asked(account, "/v1/customers/cus_1")
    expanded = asked(account, "/v1/customers/cus_1?expand[]=tax_ids&expand[]=subscriptions")

    assert not plain.keys() & {"tax_ids", "subscriptions"}
    assert [each["id"] for each in expanded["tax_ids"]["data"]] == ["txi_1"]
    assert [each["id"] for each in expanded["subscriptions"]["data"]] == ["sub_1"]
    assert expanded["tax_ids"]["url"] == "/v1/customers/cus_1/tax_ids"


def test_tiers_are_hidden_wherever_the_price_is(account: Account) -> None:
    plain = asked(account, "/v1/subscriptions/sub_1")
    expanded = asked(account, "/v1/prices/price_1?expand[]=tiers")

    assert "tiers" not in plain["items"]["data"][0]["price"]
    assert expanded["tiers"] == [{"up_to": None}]


def test_nothing_is_expanded_into_null(account: Account) -> None:
    assert (
        asked(account, "/v1/subscriptions/sub_1?expand[]=latest_invoice")["latest_invoice"] is None
    )


def test_a_deleted_customer_is_expanded_to_its_stub(account: Account) -> None:
    account.remove("customer", "cus_1")
    found = asked(account, "/v1/subscriptions/sub_1?expand[]=customer")

    assert found["customer"] == {"id": "cus_1", "object": "customer", "deleted": True}


@pytest.mark.parametrize(
    "place",
    ["colour", "data.customer", "items.data.price.product.default_price"],
)
def test_what_cannot_be_expanded_is_refused(account: Account, place: str) -> None:
    with pytest.raises(Refused) as refused:
        asked(account, f"/v1/subscriptions/sub_1?expand[]={place}")

    assert refused.value.status == 400


def test_four_levels_are_expanded(account: Account) -> None:
    found = asked(account, "/v1/subscriptions/sub_1?expand[]=items.data.price.product")

    assert found["items"]["data"][0]["price"]["product"]["object"] == "product"


@pytest.mark.parametrize(("lines", "more"), [(10, False), (11, True)])
def test_ten_lines_are_embedded(account: Account, lines: int, more: bool) -> None:
    account.put(invoice("in_1", lines))
    embedded = asked(account, "/v1/invoices/in_1")["lines"]
    first = asked(account, "/v1/invoices/in_1/lines?limit=5")
    rest = asked(account, f"{embedded['url']}?limit=100&starting_after={first['data'][-1]['id']}")

    assert (len(embedded["data"]), embedded["has_more"]) == (10, more)
    assert first["has_more"]
    assert [each["amount"] for each in first["data"] + rest["data"]] == list(range(lines))


def test_the_account_itself_is_served(account: Account) -> None:
    assert asked(account, "/v1/account")["id"] == account.id
