"""A sale from before a shelf was first counted is in that count: it moves nothing later."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sync.inventory import ledger
from sync.inventory.ledger import Count
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, levels, mirror, rows

PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku_bundle="MUG,TEA"), 1)
LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
LINES = "SELECT state, reason, settled FROM evergreen.stock_line"


def bill(paid_s_after_count: int, **extra: Any) -> sales.Json:
    paid_at = int((NOW + timedelta(seconds=paid_s_after_count)).timestamp())
    transitions = {"paid_at": paid_at, "finalized_at": 11}
    return sales.invoice("in_1", "paid", [LINE], status_transitions=transitions, **extra)


def count(engine: Engine, *, opens: bool = True, **on_hand: int) -> None:
    with engine.begin() as conn:
        counted = [Count(sku, "main", n) for sku, n in on_hand.items()]
        ledger.count(conn, counted, NOW, opens=opens)


def backfilled(engine: Engine, invoice: sales.Json) -> None:
    """Mirror an invoice as a backfill does, which plans nothing for the stock."""
    mirror(engine, [PRICE, sales.event("invoice.paid", invoice, 20)])
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM evergreen.outbox"))


@pytest.mark.parametrize("opens", [True, False], ids=["told-to-nobody", "pushed"])
def test_a_part_refund_of_a_past_sale_takes_nothing_off_the_shelf(
    engine: Engine, opens: bool
) -> None:
    backfilled(engine, bill(-1))
    count(engine, MUG=40, TEA=7, opens=opens)
    tie = sales.event("invoice_payment.paid", sales.invoice_payment("in_1", "pi_1"), 20)
    back = sales.refund("re_1", "ch_1", "pi_1", 500, "succeeded")
    happen(engine, [tie, sales.event("refund.created", back, 30)])

    assert levels(engine) == {"MUG": 40, "TEA": 7}
    assert rows(engine, LINES) == [("ignored", "before_first_count", True)]


@pytest.mark.parametrize(
    ("paid_s_after_count", "left"),
    [pytest.param(-1, 40, id="before"), pytest.param(0, 38, id="in-the-same-second")],
)
def test_a_sale_counts_from_the_first_count_on(
    engine: Engine, paid_s_after_count: int, left: int
) -> None:
    count(engine, MUG=40, TEA=40)
    count(engine, MUG=40, TEA=39)
    happen(engine, [PRICE, sales.event("invoice.paid", bill(paid_s_after_count), 20)])

    assert levels(engine)["MUG"] == left


def test_a_shelf_that_was_never_counted_takes_its_part(engine: Engine) -> None:
    count(engine, MUG=40)
    happen(engine, [PRICE, sales.event("invoice.paid", bill(-1), 20)])

    assert levels(engine) == {"MUG": 40, "TEA": -2}


def test_what_was_booked_before_the_first_count_stays_booked(engine: Engine) -> None:
    happen(engine, [PRICE, sales.event("invoice.paid", bill(-60), 20)])
    count(engine, MUG=40, TEA=7)
    voided = {**bill(-60), "status": "void"}
    happen(engine, [sales.event("invoice.voided", voided, 30)])

    assert levels(engine) == {"MUG": 42, "TEA": 9}
