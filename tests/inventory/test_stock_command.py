"""`evergreen stock`: what people type, what they see, and what is refused."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from app.cli.stock import command
from app.stock_settings import StockSettings
from sync.inventory.policy import InventoryPolicy
from tests.inventory import sales
from tests.inventory.shelf import happen, ledger, levels, settle_all

LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
PAID = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE]), 20)
PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
BARE_PRICE = sales.event("price.created", sales.price("price_1", "prod_1"), 1)
PRODUCT = sales.event("product.created", sales.product("prod_1"), 1)


STOCK = StockSettings(policy=InventoryPolicy(followers=("shopify",)))


class Stock:
    """The command, run against one database."""

    def __init__(self, database_url: str) -> None:
        self._settings = SimpleNamespace(
            database_url=database_url, clock="real", livemode=False, stock=STOCK
        )

    def __call__(self, *words: str, typed: str | bytes | None = None) -> Result:
        """Run `evergreen stock` with `words`, and with `typed` on standard input."""
        return CliRunner().invoke(command, words, obj=self._settings, input=typed)

    def rows(self, *words: str) -> Any:
        """Return what `words` print as JSON."""
        result = self(*words, "--format", "json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def stock(database_url: str) -> Stock:
    return Stock(database_url)


def test_a_first_count_and_what_was_sold_since(stock: Stock, engine: Engine) -> None:
    counted = stock("count", "MUG", "40")
    happen(engine, [PRICE, PAID])
    (level,) = stock.rows("levels")

    assert counted.stdout.splitlines() == ["MUG at main: +40", "1 counted, 1 differed"]
    assert counted.stderr == "new SKU: MUG\n"
    assert (level["sku"], level["on_hand"], level["oversold"]) == ("MUG", 38, False)
    assert [row["cause"] for row in stock.rows("movements")] == ["invoice_paid", "first_count"]
    assert [row["delta"] for row in stock.rows("movements", "--invoice", "in_1")] == [-2]


def test_a_table_is_for_people(stock: Stock) -> None:
    stock("count", "MUG", "40")
    header, line, row = stock("levels").stdout.splitlines()

    assert header.split() == ["sku", "location", "on_hand", "reserved", "oversold", "updated_at"]
    assert set(line) == {"-", " "}
    assert row.split()[:5] == ["MUG", "main", "40", "0", "no"]


def test_what_is_oversold(stock: Stock, engine: Engine) -> None:
    stock("count", "TEA", "1")
    happen(engine, [PRICE, PAID])

    assert [row["sku"] for row in stock.rows("levels", "--oversold")] == ["MUG"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(
            ["levels", "--sku", "MUC"], "unknown SKU 'MUC'; did you mean 'MUG'?", id="sku"
        ),
        pytest.param(["levels", "--sku", "X"], "unknown SKU 'X'; known: MUG", id="no-idea"),
        pytest.param(
            ["movements", "--location", "moon"],
            "unknown location 'moon'; known: main",
            id="location",
        ),
        pytest.param(["count", "MUG", "-1"], "-1 is not in the range 0<=x", id="negative"),
        pytest.param(["count", "MUG", "1.5"], "'1.5' is not a valid integer range", id="fraction"),
        pytest.param(["count", "MUG"], "give a SKU and what was counted", id="nothing-counted"),
        pytest.param(["count", " ", "1"], "a SKU and a location need a name", id="no-name"),
        pytest.param(["ship", "in_9"], "no invoice 'in_9' is mirrored", id="ship"),
        pytest.param(["remap", "in_9"], "no invoice 'in_9' is mirrored", id="remap"),
        pytest.param(["map", "set", "price_9", "MUG"], "no price or product 'price_9'", id="map"),
        pytest.param(
            ["map", "set", "price_9", "MUG:0"], "'MUG:0' is not SKU:QUANTITY", id="bundle"
        ),
        pytest.param(["map", "remove", "price_9"], "'price_9' is not in the map", id="unmap"),
    ],
)
def test_what_is_wrong_is_said(stock: Stock, words: list[str], message: str) -> None:
    stock("count", "MUG", "40")
    result = stock(*words)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_of_counts_is_booked_whole(stock: Stock, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "counts.csv"
    file.write_text("sku,on_hand,location\nMUG,5,\nTEA,7,attic\nMUG,1,attic\n")
    result = stock("count", "--csv", str(file))

    assert result.stdout.splitlines()[-1] == "3 counted, 3 differed"
    assert {(r["sku"], r["location"]): r["on_hand"] for r in stock.rows("levels")} == {
        ("MUG", "main"): 5,
        ("MUG", "attic"): 1,
        ("TEA", "attic"): 7,
    }
    assert ledger(engine) == {"MUG": 6, "TEA": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("sku,count\nMUG,1\n", "the file lacks the column on_hand", id="column"),
        pytest.param("sku,on_hand\nMUG,-1\n", "line 2: '-1' is no count from 0", id="negative"),
        pytest.param("sku,on_hand\nTEA,1\n,1\n", "line 3: it names no SKU", id="no-sku"),
        pytest.param(
            "sku,on_hand\nMUG,1\nMUG,2\n", "MUG at main is counted twice: lines 2, 3", id="twice"
        ),
    ],
)
def test_a_file_with_a_mistake_books_nothing(
    stock: Stock, engine: Engine, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(text)
    result = stock("count", "--csv", str(file))

    assert (result.exit_code, levels(engine)) == (2, {})
    assert message in result.stderr


def test_mapping_by_hand_books_what_waited(stock: Stock, engine: Engine) -> None:
    happen(engine, [BARE_PRICE, PRODUCT, PAID])
    (waiting,) = stock.rows("unmapped")
    result = stock("map", "set", "price_1", "MUG:2,TEA")
    settle_all(engine)

    assert (waiting["price"], waiting["reason"], waiting["lines"]) == ("price_1", "no_sku", 1)
    assert "1 waiting invoices will be booked" in result.stdout
    assert levels(engine) == {"MUG": -4, "TEA": -2}
    assert stock.rows("unmapped") == []
    assert [(r["sku"], r["quantity"]) for r in stock.rows("map", "list")] == [
        ("MUG", 2),
        ("TEA", 1),
    ]


def test_remapping_corrects_what_was_booked(stock: Stock, engine: Engine) -> None:
    happen(engine, [PRICE, PAID])
    stock("map", "set", "price_1", "CUP")
    untouched = levels(engine)
    stock("remap", "in_1")
    settle_all(engine)

    assert untouched == {"MUG": -2}
    assert levels(engine) == ledger(engine) == {"CUP": -2}
    assert stock.rows("movements", "--sku", "MUG")[0]["cause"] == "remap"


def test_shipping_by_hand_keeps_a_full_refund_from_returning_goods(
    stock: Stock, engine: Engine
) -> None:
    tie = sales.event("invoice_payment.paid", sales.invoice_payment("in_1", "pi_1"), 21)
    happen(engine, [PRICE, PAID, tie])
    stock("ship", "in_1")
    back = sales.refund("re_1", "ch_1", "pi_1", 2000, "succeeded")
    happen(engine, [sales.event("refund.created", back, 30)])

    assert levels(engine) == {"MUG": -2}
    assert [row["reason"] for row in stock.rows("reviews")] == ["refunded_after_shipping"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("count", "M\nUG", "4"), id="count"),
        pytest.param(("count", "MUG", "4", "--location", "a\tb"), id="location"),
        pytest.param(("map", "set", "price_1", "M\nUG:2", "--new"), id="map"),
    ],
)
def test_a_name_that_no_file_could_bring_back_is_refused(
    stock: Stock, words: tuple[str, ...]
) -> None:
    refused = stock(*words)

    assert refused.exit_code == 2
    assert "is no name of a" in refused.stderr
