"""From a line and its parents to SKUs: the order of sources, and what is not for sale."""

from decimal import Decimal
from typing import Any

import pytest

from sync.errors import Malformed
from sync.inventory.mapping import Component, Line, Price, Resolution, parse_bundle, resolve


def price(**given: Any) -> Price:
    facts: dict[str, Any] = {
        "metadata": {},
        "lookup_key": None,
        "unit_amount": Decimal(1000),
        "metered": False,
    }
    return Price(**(facts | given))


def line(**given: Any) -> Line:
    facts: dict[str, Any] = {
        "id": "il_1",
        "quantity": 1,
        "amount_minor": 1000,
        "proration": False,
        "discounted": False,
        "price_id": "price_1",
        "price": price(),
        "product_id": "prod_1",
        "product_metadata": {},
        "subscription_id": None,
        "item_known": False,
        "item_metadata": {},
    }
    return Line(**(facts | given))


def mapped(*skus: str) -> Resolution:
    return Resolution("mapped", components=tuple(Component(sku) for sku in skus))


def waits(reason: str) -> Resolution:
    return Resolution("unmapped", reason, settled=False)


BY_PRICE = price(metadata={"sku": "PRICE"})
ITEM, PRODUCT = {"sku": "ITEM"}, {"sku": "PRODUCT"}
BY_HAND = (Component("HAND"),)


@pytest.mark.parametrize(
    ("sold", "read"),
    [
        pytest.param(
            line(mapped_by_hand=BY_HAND, item_metadata=ITEM, price=BY_PRICE), mapped("HAND"),
            id="the-map-beats-the-item",
        ),
        pytest.param(line(item_metadata=ITEM, price=BY_PRICE), mapped("ITEM"), id="item-first"),
        pytest.param(
            line(price=BY_PRICE, product_metadata=PRODUCT), mapped("PRICE"), id="price-then-product"
        ),
        pytest.param(line(product_metadata=PRODUCT), mapped("PRODUCT"), id="product"),
        pytest.param(line(product_metadata={"SKU": " X "}), mapped("X"), id="capitals-and-spaces"),
        pytest.param(line(product_metadata={"sku": ""}), waits("no_sku"), id="an-empty-sku"),
        pytest.param(line(), waits("no_sku"), id="no-mark-at-all"),
        pytest.param(line(price=None), waits("price_not_mirrored"), id="price-not-there-yet"),
        pytest.param(
            line(price=None, product_metadata=PRODUCT), waits("price_not_mirrored"),
            id="the-product-does-not-speak-for-its-price",
        ),
        pytest.param(
            line(price=None, mapped_by_hand=BY_HAND), mapped("HAND"), id="the-map-needs-no-price"
        ),
        pytest.param(
            line(product_metadata=None), waits("product_not_mirrored"), id="product-not-there-yet"
        ),
        pytest.param(
            line(price=BY_PRICE, product_metadata=None), mapped("PRICE"), id="no-product-needed"
        ),
        pytest.param(line(price_id=None, product_id=None), waits("no_price"), id="ad-hoc"),
        pytest.param(
            line(price=price(metadata={"stock": "none"}), product_metadata=PRODUCT),
            Resolution("ignored", "stock_none"), id="the-price-is-not-stocked",
        ),
        pytest.param(
            line(price=BY_PRICE, product_metadata={"stock": "none"}), mapped("PRICE"),
            id="the-price-speaks-first",
        ),
        pytest.param(
            line(price=price(metadata={"sku_bundle": "A:2,B", "sku": "C"})),
            Resolution("mapped", components=(Component("A", 2), Component("B", 1))),
            id="a-bundle-beats-a-sku",
        ),
    ],
)  # fmt: skip
def test_where_the_sku_comes_from(sold: Line, read: Resolution) -> None:
    assert resolve(sold) == read


@pytest.mark.parametrize(
    ("sold", "reason"),
    [
        pytest.param(line(proration=True), "proration", id="proration"),
        pytest.param(line(amount_minor=-1), "credit", id="credit"),
        pytest.param(line(price=price(metered=True)), "metered", id="metered"),
        pytest.param(line(amount_minor=0), "trial", id="trial"),
        pytest.param(line(quantity=0), "nothing", id="none-of-it"),
    ],
)
def test_what_takes_nothing_whatever_it_is_mapped_to(sold: Line, reason: str) -> None:
    assert resolve(sold) == Resolution("ignored", reason)


@pytest.mark.parametrize(
    "sold",
    [
        pytest.param(
            line(amount_minor=0, discounted=True, price=BY_PRICE), id="discounted-to-zero"
        ),
        pytest.param(
            line(amount_minor=0, price=price(unit_amount=Decimal(0), metadata={"sku": "PRICE"})),
            id="a-free-sample",
        ),
    ],
)
def test_what_costs_nothing_and_ships_all_the_same(sold: Line) -> None:
    assert resolve(sold) == mapped("PRICE")


def test_a_line_without_money_waits_for_its_price_to_tell_a_trial() -> None:
    sold = line(amount_minor=0, price=None, mapped_by_hand=BY_HAND)

    assert resolve(sold) == waits("price_not_mirrored")


@pytest.mark.parametrize(("known", "settled"), [(False, False), (True, True)])
def test_a_line_is_settled_once_its_own_item_is_mirrored(known: bool, settled: bool) -> None:
    sold = line(price=BY_PRICE, subscription_id="sub_1", item_known=known)

    assert (resolve(sold).components, resolve(sold).settled) == ((Component("PRICE"),), settled)


@pytest.mark.parametrize(("allowed", "read"), [(True, mapped("KEY")), (False, waits("no_sku"))])
def test_lookup_keys_are_skus_only_where_that_is_wanted(allowed: bool, read: Resolution) -> None:
    assert resolve(line(price=price(lookup_key="KEY")), lookup_keys=allowed) == read


def test_a_malformed_bundle_waits_for_a_person_and_names_the_part() -> None:
    read = resolve(line(price=price(metadata={"sku_bundle": "A:2,B:x"})))

    assert read == waits(
        "malformed_bundle: 'B:x' is not SKU:QUANTITY with a quantity from 1 to 999999"
    )


@pytest.mark.parametrize(
    ("text", "components"),
    [
        ("COFFEE-250:2,MUG:1", (Component("COFFEE-250", 2), Component("MUG", 1))),
        (" A : 2 , B ", (Component("A", 2), Component("B", 1))),
        ("A:1,A:2", (Component("A", 3),)),
        ("A:999999", (Component("A", 999_999),)),
    ],
)
def test_a_bundle_is_read(text: str, components: tuple[Component, ...]) -> None:
    assert parse_bundle(text) == components


@pytest.mark.parametrize(
    "text", ["", ",", "A,", "A:0", "A:-1", "A:1.5", "A:2:3", ":2", "A:1000000"]
)
def test_a_bundle_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="is not SKU:QUANTITY"):
        parse_bundle(text)
