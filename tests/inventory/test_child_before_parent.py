"""What a line needs may come after it, in any order; the shelf ends the same."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.inventory import sales
from tests.inventory.shelf import happen, ledger, levels, mirror, rows, settle_all

LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
SUBSCRIBED = sales.Sold(
    id="il_1", price="price_1", product="prod_1", quantity=2, subscription="sub_1", item="si_1"
)
PRODUCT = sales.event("product.created", sales.product("prod_1", sku="MUG"), 1)
PRICE = sales.event("price.created", sales.price("price_1", "prod_1"), 1)
PAID = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20)
UNMAPPED = "SELECT price, product, reason FROM evergreen.stock_line WHERE state = 'unmapped'"
ORDERS = list(permutations([PRODUCT, PRICE, PAID]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda o: "-".join(e["type"][:7] for e in o))
def test_a_line_is_booked_once_its_price_and_product_are_there(
    engine: Engine, order: list[sales.Json]
) -> None:
    happen(engine, order)

    assert levels(engine) == {"MUG": -2}
    assert rows(engine, UNMAPPED) == []
    assert rows(engine, "SELECT event_id FROM evergreen.stock_movement") == [(order[-1]["id"],)]


def test_a_line_without_its_parents_is_listed_and_booked_nowhere(engine: Engine) -> None:
    happen(engine, [PAID, PRODUCT])

    assert levels(engine) == {}
    assert rows(engine, UNMAPPED) == [("price_1", "prod_1", "price_not_mirrored")]


def test_a_voided_invoice_waits_for_nothing(engine: Engine) -> None:
    opened = sales.event("invoice.finalized", sales.invoice("in_1", "open", [LINE]), 20)
    voided = sales.event("invoice.voided", sales.invoice("in_1", "void", [LINE]), 21)
    happen(engine, [opened])
    waited = rows(engine, UNMAPPED)
    happen(engine, [voided])

    assert (len(waited), rows(engine, UNMAPPED)) == (1, [])


def test_the_price_inside_the_subscription_will_do(engine: Engine) -> None:
    """Prices made before the webhook was set up never come by themselves."""
    price = sales.price("price_1", "prod_1", sku="MUG")
    known = sales.event(
        "customer.subscription.created", sales.subscription("sub_1", "si_1", price), 5
    )
    paid = sales.event("invoice.paid", sales.invoice("in_1", "paid", [SUBSCRIBED]), 20)
    happen(engine, [known, paid])

    assert levels(engine) == {"MUG": -2}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["subscription-first", "invoice-first"])
def test_a_subscribers_own_variant_wins_in_any_order(
    engine: Engine, order: tuple[int, ...]
) -> None:
    price = sales.price("price_1", "prod_1", sku="MUG")
    variant = sales.subscription("sub_1", "si_1", price, sku="MUG-BLUE")
    told = [
        sales.event("customer.subscription.created", variant, 5),
        sales.event("invoice.paid", sales.invoice("in_1", "paid", [SUBSCRIBED]), 20),
    ]
    happen(engine, [sales.event("price.created", price, 1), *(told[place] for place in order)])

    assert levels(engine) == {"MUG-BLUE": -2}
    assert ledger(engine) == {"MUG-BLUE": -2}


def test_a_sku_that_is_renamed_later_holds_for_new_lines_only(engine: Engine) -> None:
    happen(engine, [PRODUCT, PRICE, PAID])
    renamed = sales.event("product.updated", sales.product("prod_1", sku="CUP"), 30)
    line = sales.Sold(id="il_2", price="price_1", product="prod_1")
    happen(
        engine, [renamed, sales.event("invoice.paid", sales.invoice("in_2", "paid", [line]), 40)]
    )
    note = sales.credit_note("cn_1", "in_1", {"il_1": 1}, 1000)
    happen(engine, [sales.event("credit_note.created", note, 50)])

    assert levels(engine) == {"MUG": -1, "CUP": -1}


def test_a_bundle_that_is_mended_books_what_waited(engine: Engine) -> None:
    broken = sales.price("price_1", "prod_1", sku_bundle="MUG:two")
    happen(engine, [PRODUCT, sales.event("price.created", broken, 1), PAID])
    waited = rows(engine, UNMAPPED)
    mended = sales.price("price_1", "prod_1", sku_bundle="MUG:2,TEA")
    happen(engine, [sales.event("price.updated", mended, 30)])

    assert waited[0][2].startswith("malformed_bundle: 'MUG:two'")
    assert levels(engine) == {"MUG": -4, "TEA": -2}


def test_a_price_that_comes_while_its_line_is_first_read_is_not_missed(engine: Engine) -> None:
    """The price is committed, and finds nobody waiting, between a reading and its commit."""
    happen(engine, [PRODUCT])
    mirror(engine, [PAID])
    meanwhile = iter([PRICE])

    def price_arrives(*heard: Any) -> None:
        if "INSERT INTO evergreen.stock_line" in heard[2]:
            for price in meanwhile:
                happen(engine, [price])

    event.listen(engine, "before_cursor_execute", price_arrives)
    settle_all(engine)

    assert next(meanwhile, None) is None
    assert levels(engine) == {"MUG": -2}


def grown(**item_metadata: str) -> sales.Json:
    """Return the subscription after a second item joined the first."""
    price = sales.price("price_1", "prod_1", sku="MUG")
    before = sales.subscription("sub_1", "si_0", price)
    added = sales.subscription("sub_1", "si_1", price, **item_metadata)
    before["items"]["data"] += added["items"]["data"]
    return before


def test_a_line_waits_for_its_own_item_not_for_any_of_its_subscription(engine: Engine) -> None:
    """The subscription is known, in a version from before the item that the invoice bills."""
    price = sales.price("price_1", "prod_1", sku="MUG")
    early = sales.subscription("sub_1", "si_0", price)
    paid = sales.event("invoice.paid", sales.invoice("in_1", "paid", [SUBSCRIBED]), 20)
    happen(
        engine,
        [
            sales.event("price.created", price, 1),
            sales.event("customer.subscription.created", early, 5),
            paid,
            sales.event("customer.subscription.updated", grown(sku="MUG-BLUE"), 10),
        ],
    )

    assert levels(engine) == ledger(engine) == {"MUG-BLUE": -2}
    assert rows(engine, "SELECT settled FROM evergreen.stock_line") == [(True,)]


@pytest.mark.parametrize(
    ("seen_at", "settled"), [pytest.param(10, False, id="same-second"), pytest.param(11, True)]
)
def test_a_line_whose_item_has_left_waits_no_more(
    engine: Engine, seen_at: int, settled: bool
) -> None:
    """The invoice came to be in second 10; later versions of its subscription lack the item."""
    price = sales.price("price_1", "prod_1", sku="MUG")
    without = sales.subscription("sub_1", "si_0", price)
    happen(
        engine,
        [
            sales.event("price.created", price, 1),
            sales.event("customer.subscription.updated", without, seen_at),
            sales.event("invoice.paid", sales.invoice("in_1", "paid", [SUBSCRIBED]), 20),
        ],
    )

    assert levels(engine) == {"MUG": -2}
    assert rows(engine, "SELECT settled FROM evergreen.stock_line") == [(settled,)]
