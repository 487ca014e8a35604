"""When a shelf is low, sold out, oversold and back: told once, at two thresholds."""

import pytest
from sqlalchemy import Engine

from sync.inventory import items, ledger
from sync.inventory.delivery import Ways
from sync.inventory.items import Item
from sync.inventory.ledger import Count
from sync.inventory.policy import InventoryPolicy
from sync.inventory.standing import NoticeKind, Shelf, Standing, notice, stands
from sync.inventory.telling import Origin, tell
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, rows, settle_all

ITEM = Item(sku="MUG", oos_at=2, resume_at=5, low_at=8)


@pytest.mark.parametrize(
    ("on_hand", "available", "before", "after"),
    [
        pytest.param(9, 9, None, "ok", id="plenty"),
        pytest.param(8, 8, None, "low", id="low-at"),
        pytest.param(3, 3, "low", "low", id="above-the-lower-threshold"),
        pytest.param(2, 2, "low", "out", id="the-lower-threshold"),
        pytest.param(4, 4, "out", "out", id="below-the-upper-threshold"),
        pytest.param(5, 5, "out", "low", id="the-upper-threshold"),
        pytest.param(9, 9, "out", "ok", id="well-back"),
        pytest.param(0, 0, "out", "out", id="nothing"),
        pytest.param(-1, -1, "out", "oversold", id="oversold"),
        pytest.param(4, 4, "oversold", "out", id="not-back-yet-after-overselling"),
        pytest.param(3, -1, None, "out", id="all-of-it-held"),
    ],
)
def test_how_a_shelf_stands(
    on_hand: int, available: int, before: Standing | None, after: Standing
) -> None:
    assert stands(Shelf("MUG", "main", on_hand, available), ITEM, before) == after


def test_what_is_not_tracked_always_stands_well() -> None:
    assert stands(Shelf("MUG", "main", -9, -9), Item(sku="MUG", track=False), "out") == "ok"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(None, "ok", None, id="new-and-fine"),
        pytest.param(None, "out", "sold_out", id="new-and-empty"),
        pytest.param("ok", "low", "low_stock", id="low"),
        pytest.param("low", "out", "sold_out", id="sold-out"),
        pytest.param("out", "oversold", "oversold", id="oversold"),
        pytest.param("oversold", "out", None, id="still-not-for-sale"),
        pytest.param("out", "ok", "back_in_stock", id="back"),
        pytest.param("out", "low", "back_in_stock", id="back-but-low"),
        pytest.param("oversold", "ok", "back_in_stock", id="back-after-overselling"),
        pytest.param("low", "ok", None, id="more-again"),
        pytest.param("out", "out", None, id="no-step"),
    ],
)
def test_what_is_told_of_a_step(
    before: Standing | None, after: Standing, told: NoticeKind | None
) -> None:
    assert notice(before, after) == told


NOTICES = "SELECT kind, sku, on_hand FROM evergreen.stock_notice ORDER BY id"
PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)


def sell(engine: Engine, number: int, quantity: int) -> None:
    line = sales.Sold(id=f"il_{number}", price="price_1", product="prod_1", quantity=quantity)
    bill = sales.invoice(f"in_{number}", "paid", [line])
    happen(engine, [PRICE, sales.event("invoice.paid", bill, 20)])


def count(engine: Engine, on_hand: int, ways: Ways | None = None) -> None:
    with engine.begin() as conn:
        booked = ledger.count(conn, [Count("MUG", "main", on_hand)], NOW)
        tell(conn, booked, (ways or Ways()).policy, Origin(now=NOW))
    settle_all(engine, ways or Ways())


def test_overselling_is_booked_told_once_and_over_when_goods_come(engine: Engine) -> None:
    count(engine, 3)
    for number, quantity in enumerate((1, 2, 1, 1)):
        sell(engine, number, quantity)
    count(engine, 9)

    assert rows(engine, NOTICES) == [
        ("sold_out", "MUG", 0),
        ("oversold", "MUG", -1),
        ("back_in_stock", "MUG", 9),
    ]


def test_a_backorder_that_is_wanted_is_no_news(engine: Engine) -> None:
    with engine.begin() as conn:
        items.change(conn, "MUG", {"policy": "always", "oos_at": -9, "resume_at": 1})
    sell(engine, 1, 3)

    assert rows(engine, NOTICES) == []


def test_every_notice_goes_to_who_listens_once(engine: Engine) -> None:
    ways = Ways(InventoryPolicy(listeners=("webhook",)))
    count(engine, 0, ways)
    count(engine, 5, ways)
    with engine.begin() as conn:
        items.change(conn, "MUG", {"low_at": 3})
    count(engine, 2, ways)
    asked = "SELECT key, state, reason FROM evergreen.outbox WHERE kind = 'notice' ORDER BY key"

    assert rows(engine, NOTICES) == [("low_stock", "MUG", 2)]
    assert rows(engine, asked) == [
        ("inventory:webhook:notice:1", "failed", "unknown_sink"),
    ]
