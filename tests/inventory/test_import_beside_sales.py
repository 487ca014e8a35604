"""A long file of counts beside a sale of something new: neither waits for the other in a circle."""

import threading
import time
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from app.cli import counts
from sync.inventory import ledger
from sync.inventory.ledger import Movement
from tests.inventory.shelf import NOW, levels

STAGE = text("""
    INSERT INTO counted
    SELECT n, to_char(n, 'FM"SKU"000000'), 'main', 5 FROM generate_series(1, 1500) AS n
""")
FIRST, LAST = "SKU000001", "SKU001500"


def test_a_sale_of_an_old_and_a_new_sku_during_an_import(engine: Engine) -> None:
    met = threading.Event()
    failed: list[BaseException] = []

    def sell() -> None:
        try:
            with engine.begin() as conn:
                ledger.know_items(conn, [LAST])
                met.set()
                ledger.book(conn, [_sold(FIRST), _sold(LAST)])
        except BaseException as error:  # noqa: BLE001 — handed to the test below
            failed.append(error)
        finally:
            met.set()

    seller = threading.Thread(target=sell)
    with engine.begin() as conn:
        conn.execute(counts._MAKE)
        conn.execute(STAGE)
        parts = counts.book_staged(conn, datetime.now(UTC), opens=True)
        booked = len(next(iter(parts)))
        seller.start()
        met.wait(0.5)
        time.sleep(0.2)
        booked += sum(len(part) for part in parts)
    seller.join()

    assert failed == []
    assert (booked, levels(engine)[FIRST], levels(engine)[LAST]) == (1500, 4, 4)


def _sold(sku: str) -> Movement:
    return Movement(
        source_line="in_1:il_1",
        sku=sku,
        location="main",
        revision=1,
        counter="on_hand",
        delta=-1,
        cause="invoice_paid",
        event_id=None,
        at=NOW,
    )
