"""Any history of sales, returns, counts and holds: level and ledger agree at every step."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from sync.inventory import ledger, nightly, reservations
from sync.inventory.ledger import Count
from sync.inventory.reservations import NotEnough
from sync.inventory.reserving import Wish
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen
from tests.inventory.tales import CATALOGUE, GOODS

TABLES = """
TRUNCATE evergreen.stock_level, evergreen.stock_line, evergreen.stock_alloc, evergreen.stock_item,
  evergreen.stock_review, evergreen.stock_reservation, evergreen.stock_reservation_item,
  evergreen.stock_standing, evergreen.outbox, stripe.invoices, stripe.invoice_line_items,
  stripe.credit_notes, stripe.credit_note_line_items, evergreen.stock_movement"""
SKUS = ("COFFEE", "MUG", "TEA")


@contextmanager
def emptied(engine: Engine) -> Iterator[None]:
    """Begin anew; only here may the ledger be emptied."""
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE evergreen.stock_movement DISABLE TRIGGER USER"))
        conn.execute(text(TABLES))
        conn.execute(text("ALTER TABLE evergreen.stock_movement ENABLE TRIGGER USER"))
    yield


class Shop(RuleBasedStateMachine):
    """What a shop's stock can go through, beside a model that only adds and subtracts."""

    engine: ClassVar[Engine]
    bills = Bundle("bills")
    holds = Bundle("holds")

    @initialize()
    def open(self) -> None:
        """Begin with an empty shop."""
        with emptied(self.engine):
            self.on_hand: Counter[str] = Counter()
            self.held: dict[str, dict[str, int]] = {}
            self.sold: dict[str, tuple[str, int, str, int]] = {}
            self.clock = NOW
            self.steps = count(1000)

    @rule(
        target=bills,
        price=st.sampled_from(sorted(GOODS)),
        quantity=st.integers(1, 3),
        status=st.sampled_from(["open", "paid", "paid", "void"]),
    )
    def sell(self, price: str, quantity: int, status: str) -> str:
        """Make an invoice out."""
        invoice = f"in_{len(self.sold)}"
        self._tell(invoice, price, quantity, status)
        return invoice

    @rule(bill=bills, status=st.sampled_from(["paid", "void"]))
    def end(self, bill: str, status: str) -> None:
        """End one that is open."""
        price, quantity, before, _ = self.sold[bill]
        if before == "open":
            self._tell(bill, price, quantity, status)

    @rule(bill=bills)
    def again(self, bill: str) -> None:
        """Hear of one again."""
        price, quantity, status, _ = self.sold[bill]
        self._tell(bill, price, quantity, status)

    @rule(bill=bills, back=st.integers(1, 3))
    def credit(self, bill: str, back: int) -> None:
        """Take back so many in all."""
        price, quantity, status, before = self.sold[bill]
        if status != "paid" or back > quantity:
            return
        note = sales.credit_note("cn_" + bill, bill, {"il_" + bill: back}, back * 1000)
        happen(self.engine, [sales.event("credit_note.updated", note, next(self.steps))])
        self._move(price, back - before)
        self.sold[bill] = (price, quantity, status, back)

    @rule(sku=st.sampled_from(SKUS), on_hand=st.integers(0, 9))
    def recount(self, sku: str, on_hand: int) -> None:
        """Count a shelf."""
        with self.engine.begin() as conn:
            ledger.count(conn, [Count(sku, "main", on_hand)], self.clock)
        self.on_hand[sku] = on_hand

    @rule(
        target=holds,
        wanted=st.dictionaries(st.sampled_from(SKUS), st.integers(1, 4), min_size=1),
    )
    def hold(self, wanted: dict[str, int]) -> Any:
        """Hold stock for a checkout."""
        with self.engine.begin() as conn:
            ledger.know_items(conn, wanted)
        wish = Wish(tuple(((sku, "main"), n) for sku, n in sorted(wanted.items())), 60)
        free = {sku: self.on_hand[sku] - self._reserved()[sku] for sku in wanted}
        fits = all(n <= free[sku] for sku, n in wanted.items())
        try:
            with self.engine.begin() as conn:
                held = reservations.reserve(conn, wish, self.clock)
        except NotEnough:
            assert not fits
            return multiple()
        assert fits
        self.held[held.id] = wanted
        return held.id

    @rule(held=holds)
    def release(self, held: str) -> None:
        """Give back what is held."""
        with self.engine.begin() as conn:
            reservations.release(conn, held, self.clock)
        self.held.pop(held, None)

    @rule()
    def time_passes(self) -> None:
        """Let all holds run out."""
        self.clock += timedelta(seconds=61)
        with self.engine.begin() as conn:
            reservations.expire(conn, self.clock)
        self.held.clear()

    @invariant()
    def everything_agrees(self) -> None:
        """Hold levels to the model, and the ledger to the levels."""
        if not hasattr(self, "clock"):
            return
        with self.engine.connect() as conn:
            shelves = conn.execute(
                text("SELECT sku, on_hand, reserved FROM evergreen.stock_level")
            ).all()
            assert nightly.differences(conn) == []
        assert {sku: n for sku, n, _ in shelves if n} == {
            s: n for s, n in self.on_hand.items() if n
        }
        assert {sku: n for sku, _, n in shelves if n} == {
            sku: n for sku, n in self._reserved().items() if n
        }

    def _reserved(self) -> Counter[str]:
        return sum((Counter(each) for each in self.held.values()), Counter())

    def _move(self, price: str, units: int) -> None:
        for sku, per_unit in GOODS[price].items():
            self.on_hand[sku] += units * per_unit

    def _tell(self, invoice: str, price: str, quantity: int, status: str) -> None:
        line = sales.Sold(id=f"il_{invoice}", price=price, product="prod_tea", quantity=quantity)
        before = self.sold.get(invoice, (price, quantity, "draft", 0))
        step = {"open": 20, "paid": 30, "void": 30}[status]
        bill = sales.invoice(invoice, status, [line])
        happen(self.engine, [sales.event("invoice.updated", bill, step)])
        self.sold[invoice] = (price, quantity, status, before[3])
        if status == "paid" and before[2] != "paid":
            self._move(price, -quantity)


@pytest.mark.timeout(120)
def test_any_history_adds_up(engine: Engine) -> None:
    happen(engine, CATALOGUE)
    Shop.engine = engine
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=6,
            derandomize=True,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_any_long_history_adds_up(engine: Engine) -> None:
    happen(engine, CATALOGUE)
    Shop.engine = engine
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
