"""CSV in and out: whole or not at all, every bad line named, and nothing runs as a formula."""

import pytest
from sqlalchemy import Engine

from app.cli.stock_csv import guarded, unguarded
from tests.inventory.shelf import happen, levels, rows, settle_all
from tests.inventory.test_stock_command import BARE_PRICE, PAID, PRICE, PRODUCT, Stock, stock

__all__ = ["stock"]
TOLD = "SELECT count(*) FROM evergreen.outbox WHERE kind = 'movement'"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("=1+1", "'=1+1", id="formula"),
        pytest.param("-MUG", "'-MUG", id="minus"),
        pytest.param("+MUG", "'+MUG", id="plus"),
        pytest.param("@MUG", "'@MUG", id="at"),
        pytest.param("\tMUG", "'\tMUG", id="tab"),
        pytest.param("\rMUG", "'\rMUG", id="return"),
        pytest.param("'-MUG", "''-MUG", id="apostrophe"),
        pytest.param("'MUG", "''MUG", id="an-apostrophe-of-its-own"),
        pytest.param("MUG", "MUG", id="plain"),
        pytest.param("MUG-2", "MUG-2", id="inside"),
    ],
)
def test_a_name_survives_the_spreadsheet(text: str, cell: str) -> None:
    assert (guarded(text), unguarded(cell)) == (cell, text)


def test_a_negative_number_stays_a_number() -> None:
    assert (guarded(-3), unguarded("-3")) == (-3, "-3")


def test_levels_come_back_as_they_were(stock: Stock, engine: Engine) -> None:
    stock("count", "=SUM(A1)", "4", "--location", "@attic")
    happen(engine, [PRICE, PAID])
    printed = stock("export", "levels").stdout
    again = stock("import", "levels", "-", typed=printed)

    assert printed.splitlines() == [
        "sku,location,on_hand,reserved",
        "'=SUM(A1),'@attic,4,0",
        "MUG,main,-2,0",
    ]
    assert again.stdout.splitlines() == ["2 counted, 0 differed"]


def test_the_map_comes_back_as_it_was(stock: Stock, engine: Engine) -> None:
    happen(engine, [BARE_PRICE, PRODUCT, PAID])
    stock("map", "set", "price_1", "MUG:2,-TEA", "--location", "attic")
    printed = stock("export", "map").stdout
    stock("map", "remove", "price_1")
    again = stock("import", "map", "-", typed=printed)

    assert printed.splitlines() == [
        "source,sku,quantity,location",
        "price_1,'-TEA,1,attic",
        "price_1,MUG,2,attic",
    ]
    assert again.stdout == "1 mapped; 1 waiting invoices will be booked\n"
    assert stock("export", "map").stdout == printed
    settle_all(engine)
    assert rows(engine, "SELECT sku, on_hand FROM evergreen.stock_level ORDER BY 1") == [
        ("-TEA", -2),
        ("MUG", -4),
    ]


BAD = "sku,on_hand,location\nMUG,5\n,5\nTEA,five\nCUP,7,attic\n\nPOT,1,main,3\n"


def test_one_bad_line_and_nothing_is_booked(stock: Stock, engine: Engine) -> None:
    result = stock("import", "levels", "-", typed=BAD)

    assert (result.exit_code, levels(engine)) == (2, {})
    assert [line for line in result.stderr.splitlines() if line.startswith("line")] == [
        "line 3: it names no SKU",
        "line 4: 'five' is no count",
        "line 7: it has more cells than the first line has names",
    ]


def test_bad_lines_are_passed_over_where_that_is_asked_for(stock: Stock, engine: Engine) -> None:
    result = stock("import", "levels", "-", "--skip-bad", typed=BAD)

    assert result.stdout == "2 counted, 2 differed\n"
    assert "skipped: line 4: 'five' is no count" in result.stderr
    assert levels(engine) == {"MUG": 5, "CUP": 7}


@pytest.mark.parametrize(
    ("words", "typed", "message"),
    [
        pytest.param(["levels"], "", "the file lacks the column sku, on_hand", id="empty"),
        pytest.param(["levels"], b"sku,on_hand\n\xff,1\n", "no CSV in UTF-8", id="not-utf-8"),
        pytest.param(["levels"], 'sku,on_hand\n"MUG,1\n', "line", id="an-open-quote"),
        pytest.param(
            ["levels"], "sku,on_hand\nMUG,1000000000001\n", "'1000000000001' is no count", id="most"
        ),
        pytest.param(["levels"], "sku,on_hand\nMUG,1e3\n", "'1e3' is no count", id="float"),
        pytest.param(["levels"], "sku,on_hand\nMUG,\uff11\n", "is no count", id="wide-digit"),
        pytest.param(["levels"], "sku,on_hand\nMU\0G,1\n", "line 2", id="nul"),
        pytest.param(
            ["map"], "source,sku\nprice_9,MUG\n", "no price or product 'price_9'", id="id"
        ),
        pytest.param(["map"], "source,sku,quantity\np,M,0\n", "'0' is no quantity", id="quantity"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    stock: Stock, engine: Engine, words: list[str], typed: str | bytes, message: str
) -> None:
    result = stock("import", *words, "-", typed=typed)

    assert (result.exit_code, levels(engine)) == (2, {}), result.output
    assert message in result.stderr


def test_a_byte_order_mark_and_capitals_do_not_matter(stock: Stock, engine: Engine) -> None:
    stock("import", "levels", "-", typed="\ufeffSKU,On_Hand\nMUG,5\n")

    assert levels(engine) == {"MUG": 5}


@pytest.mark.prove
def test_a_long_file_is_booked_in_one_go(stock: Stock, engine: Engine) -> None:
    lines = "".join(f"SKU-{number:05},{number}\n" for number in range(2_500, 0, -1))
    result = stock("import", "levels", "-", typed=f"sku,on_hand\n{lines}")

    assert result.stdout == "2500 counted, 2500 differed\n"
    assert rows(engine, "SELECT count(*), sum(on_hand) FROM evergreen.stock_level") == [
        (2500, 2500 * 2501 // 2)
    ]
    assert rows(engine, TOLD) == [(0,)]


@pytest.mark.parametrize(("words", "told"), [([], 1), (["--push"], 2)], ids=["quiet", "push"])
def test_a_first_count_is_news_only_where_that_is_asked_for(
    stock: Stock, engine: Engine, words: list[str], told: int
) -> None:
    stock("count", "MUG", "40", *words)
    stock("count", "MUG", "38")

    assert rows(engine, TOLD) == [(told,)]


def test_thresholds_are_shown_and_changed(stock: Stock) -> None:
    stock("count", "MUG", "4")
    stock("item", "MUG", "--oos-at", "2", "--resume-at", "5", "--low-at", "9", "--safety", "1")
    (item,) = stock.rows("items")
    wrong = stock("item", "MUG", "--oos-at", "5")
    unknown = stock("item", "MUC", "--oos-at", "5")

    assert item == {
        "sku": "MUG",
        "track": True,
        "safety": 1,
        "oos_at": 2,
        "resume_at": 5,
        "low_at": 9,
        "policy": "only_if_available",
    }
    assert (wrong.exit_code, unknown.exit_code) == (2, 2)
    assert "--resume-at must be above --oos-at, which is 5" in wrong.stderr
    assert "did you mean 'MUG'?" in unknown.stderr


@pytest.mark.parametrize("words", [["reservations"], ["notices"], ["gates"], ["gates", "--all"]])
def test_what_is_empty_says_so(stock: Stock, words: list[str]) -> None:
    result = stock(*words)

    assert (result.exit_code, result.stderr) == (0, "nothing found\n")


def test_reconciling_says_where_level_and_ledger_differ(stock: Stock, engine: Engine) -> None:
    stock("count", "MUG", "4")
    fine = stock("reconcile")
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE evergreen.stock_level SET on_hand = 9")
    result = stock("reconcile", "--format", "csv")

    assert (fine.exit_code, result.exit_code) == (0, 1)
    assert result.stdout.splitlines()[1] == "local,MUG,main,on_hand,9,4"


def test_a_mark_before_a_quoted_name_is_no_part_of_it(stock: Stock, engine: Engine) -> None:
    """As LibreOffice writes it when it quotes all text."""
    typed = '\ufeff"sku","on_hand"\r\n"MUG","4"\r\n'.encode()
    results = [
        stock("import", "levels", "-", typed=typed),
        stock("count", "--csv", "-", typed=typed),
        stock("import", "map", "--new", "-", typed=b'\xef\xbb\xbf"source","sku"\nprice_1,MUG\n'),
    ]

    assert [result.exit_code for result in results] == [0, 0, 0]
    assert levels(engine) == {"MUG": 4}
