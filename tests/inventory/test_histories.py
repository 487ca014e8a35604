"""A simulated shop's year, shuffled and doubled: the shelf shows what was sold and kept."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine

from app.simulator.disturb import disturb
from app.simulator.history import History
from sync.inventory import planning
from sync.inventory.mapping import read_mark
from sync.store import outbox
from tests.inventory.shelf import NOW, ledger, levels, rows, settle_all
from tests.mirror.fold import fold
from tests.simulator.histories import year

# The shop renames this one during the year: an invoice keeps the name it was first read with.
RENAMED = "DECAF"


@pytest.mark.prove
@pytest.mark.parametrize("seed", [7, 8])
def test_a_shuffled_year_ends_with_the_true_shelf(engine: Engine, seed: int) -> None:
    history = year(seed, 24)
    arriving = disturb(history.events, random.Random(seed), duplicates=0.2, window=None)
    for at in range(0, len(arriving), 500):
        changes = fold(engine, [arriving[at : at + 500]])
        with engine.begin() as conn:
            outbox.add(conn, planning.plan(changes, NOW))
        settle_all(engine)

    assert known(levels(engine)) == known(ledger(engine)) == known(truth(history))
    assert rows(engine, "SELECT reason FROM evergreen.stock_line WHERE state = 'unmapped'") == []


def known(shelf: Mapping[str, int]) -> dict[str, int]:
    return {sku: n for sku, n in shelf.items() if n and not sku.startswith(RENAMED)}


def truth(history: History) -> Counter[str]:
    """Return what left the shelf, by the last state of every object alone."""
    shelf: Counter[str] = Counter()
    for bill in of_type(history, "invoice"):
        for line in bill["lines"]["data"] if bill["status"] == "paid" else ():
            kept = line["quantity"] - returned(history, bill, line)
            for sku, quantity in takes(history, line).items():
                shelf[sku] -= kept * quantity
    return shelf


def takes(history: History, line: Mapping[str, Any]) -> dict[str, int]:
    details = line["parent"]["subscription_item_details"]
    if details is None or details["proration"] or line["amount"] == 0:
        return {}
    sold = line["pricing"]["price_details"]
    marked = [history.objects["price", sold["price"]], history.objects["product", sold["product"]]]
    found = next(mark for each in marked if (mark := read_mark(each["metadata"])))
    return {component.sku: component.quantity for component in found.components}


def returned(history: History, bill: Mapping[str, Any], line: Mapping[str, Any]) -> int:
    notes = [n for n in of_type(history, "credit_note") if n["invoice"] == bill["id"]]
    if notes:
        credited = [each for note in notes for each in note["lines"]["data"]]
        return sum(c["quantity"] for c in credited if c["invoice_line_item"] == line["id"])
    tied = {
        tie["payment"]["payment_intent"]
        for tie in of_type(history, "invoice_payment")
        if tie["invoice"] == bill["id"]
    }
    whole = any(c["refunded"] for c in of_type(history, "charge") if c["payment_intent"] in tied)
    return int(line["quantity"]) if whole else 0


def of_type(history: History, object_type: str) -> Iterator[Mapping[str, Any]]:
    return (each for (name, _), each in history.objects.items() if name == object_type)
