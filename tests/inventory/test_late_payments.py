"""Paid for after the hold was over: the goods are sold all the same, and leave the shelf once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from sync.inventory import reservations
from sync.inventory.reservations import Reservation
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, ledger, levels
from tests.inventory.test_reservations import count, hold, session, state


def over(engine: Engine, held: Reservation, how: str) -> None:
    with engine.begin() as conn:
        if how == "expired":
            reservations.expire(conn, NOW + timedelta(days=1))
        else:
            reservations.release(conn, held.id, NOW)


def paid(held: Reservation, **extra: Any) -> dict[str, Any]:
    return sales.event("checkout.session.completed", session(held, "complete", **extra), 21)


@pytest.mark.parametrize("how", ["expired", "released"])
def test_what_is_paid_for_after_its_hold_leaves_the_shelf_once(engine: Engine, how: str) -> None:
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    over(engine, held, how)
    happen(engine, [paid(held), paid(held, payment_status="no_payment_required")])

    assert (state(engine, held), levels(engine)) == ("committed", {"MUG": 8})
    assert ledger(engine) == {"MUG": 8}
    assert levels(engine, "reserved") == ledger(engine, "reserved") == {}


def test_an_invoice_paid_after_the_hold_takes_the_goods_once(engine: Engine) -> None:
    count(engine, MUG=10)
    held = hold(engine, MUG=2)
    over(engine, held, "expired")
    line = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
    price = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
    bill = sales.event("invoice.paid", sales.invoice("in_1", "paid", [line]), 20)
    happen(engine, [price, bill, paid(held, invoice="in_1")])

    assert (state(engine, held), levels(engine)) == ("expired", {"MUG": 8})
