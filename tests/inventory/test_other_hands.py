"""Two hands on one invoice: whatever the other does between two statements, the end is right."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.inventory import sales
from tests.inventory.shelf import happen, ledger, levels, mirror, settle_all

PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
# More than a converge has; a later one simply never comes.
STATEMENTS = range(26)


@contextmanager
def between_statements(engine: Engine, place: int, act: Callable[[], None]) -> Iterator[None]:
    """Let `act` run in another thread just before this thread's statement number `place`.

    It may have to wait for this thread's locks, so it gets a moment, and ends by the end.
    """
    here, seen = threading.get_ident(), 0
    other = threading.Thread(target=act)

    def count(*_: Any) -> None:
        nonlocal seen
        if threading.get_ident() == here:
            if seen == place:
                other.start()
                other.join(0.1)
            seen += 1

    event.listen(engine, "before_cursor_execute", count)
    yield
    event.remove(engine, "before_cursor_execute", count)
    if not other.ident:
        other.start()
    other.join()


@pytest.mark.parametrize("place", STATEMENTS)
def test_a_refund_that_another_hand_books_meanwhile(engine: Engine, place: int) -> None:
    line = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
    paid = sales.event("invoice.paid", sales.invoice("in_1", "paid", [line]), 20)
    tie = sales.event("invoice_payment.paid", sales.invoice_payment("in_1", "pi_1"), 20)
    back = sales.refund("re_1", "ch_1", "pi_1", 2000, "succeeded")
    happen(engine, [PRICE])
    mirror(engine, [paid, tie])

    def refund() -> None:
        mirror(engine, [sales.event("refund.created", back, 30)])
        settle_all(engine)

    with between_statements(engine, place, refund):
        settle_all(engine)

    assert levels(engine) == ledger(engine) == {}
