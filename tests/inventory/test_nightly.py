"""The nightly look, and what time does to what is held."""

from datetime import timedelta

from sqlalchemy import Engine, text

from sync.inventory import ledger, nightly
from sync.inventory.ledger import Count
from sync.inventory.nightly import Difference
from sync.inventory.policy import PLAIN
from tests.inventory import sales
from tests.inventory.shelf import NOW, happen, levels, mirror, rows, settle_all

PRICE = sales.event("price.created", sales.price("price_1", "prod_1", sku="MUG"), 1)
LINE = sales.Sold(id="il_1", price="price_1", product="prod_1", quantity=2)
CREATED = int((NOW - timedelta(days=3)).timestamp())
PAID = sales.event("invoice.paid", sales.invoice("in_1", "paid", [LINE], created=CREATED), CREATED)
STATE = "SELECT state, reason FROM evergreen.outbox WHERE kind = 'reconcile'"


def scan(engine: Engine, hours: float = 0) -> int:
    with engine.begin() as conn:
        return nightly.scan(conn, NOW + timedelta(hours=hours), PLAIN)


def test_every_night_is_looked_at_once(engine: Engine) -> None:
    empty = scan(engine)
    happen(engine, [PRICE, PAID])

    assert (empty, scan(engine), scan(engine), scan(engine, 18.9), scan(engine, 19.1)) == (
        *(0, 1, 0, 0),
        1,
    )


def test_an_invoice_that_was_missed_is_converged(engine: Engine) -> None:
    """Somebody lost the effect of the refund: the mirror knows it, the shelf does not."""
    happen(engine, [PRICE, PAID])
    with engine.begin() as conn:
        conn.execute(text("UPDATE stripe.invoices SET status = 'void'"))
    scan(engine)
    settle_all(engine)

    assert levels(engine) == {}
    assert rows(engine, STATE) == [("done", None)]


def test_a_night_does_not_stand_before_a_sale(engine: Engine) -> None:
    """Twenty a second come due; what waits for its turn keeps it."""
    lines = [
        sales.Sold(id=f"il_{number}", price="price_1", product="prod_1") for number in range(41)
    ]
    bills = [
        sales.invoice(f"in_{number:02}", "paid", [line], created=CREATED)
        for number, line in enumerate(lines)
    ]
    mirror(engine, [PRICE, *(sales.event("invoice.paid", bill, CREATED) for bill in bills)])
    settle_all(engine)
    mirror(engine, [sales.event("invoice.voided", {**bills[40], "status": "void"}, CREATED + 1)])
    with engine.begin() as conn:
        asked = nightly.converge_again(conn, NOW, PLAIN)
    due = "SELECT due_at FROM evergreen.outbox WHERE state = 'pending' AND kind = 'converge'"
    waits = sorted((at - NOW).seconds for (at,) in rows(engine, due))

    assert asked == 40
    assert waits == [0] * 21 + [1] * 20


def test_a_simulated_night_is_not_looked_at(engine: Engine) -> None:
    happen(engine, [PRICE, PAID])
    with engine.begin() as conn:
        assert nightly.scan(conn, NOW, PLAIN, nightly=False) == 0


def test_past_sales_do_not_move_the_shelf_of_today(engine: Engine) -> None:
    """They are in the mirror by a backfill, which plans nothing for the stock."""
    mirror(engine, [PRICE, PAID])
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM evergreen.outbox"))
        ledger.count(conn, [Count("MUG", "main", 40)], NOW)
    scan(engine)
    settle_all(engine)

    assert levels(engine) == {"MUG": 40}


def test_a_sale_that_a_backfill_took_in_before_its_event_is_booked_at_night(
    engine: Engine,
) -> None:
    """The event that comes then is no news, and a backfill plans nothing for the stock."""
    with engine.begin() as conn:
        ledger.count(conn, [Count("MUG", "main", 40)], NOW - timedelta(days=4))
    mirror(engine, [PRICE, PAID])
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM evergreen.outbox"))
    scan(engine)
    settle_all(engine)

    assert levels(engine) == {"MUG": 38}


def test_a_level_off_the_ledger_is_told_and_not_mended(engine: Engine) -> None:
    happen(engine, [PRICE, PAID])
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.stock_level SET on_hand = 7"))
        found = nightly.differences(conn)
    scan(engine)
    settle_all(engine)

    assert found == [Difference("MUG", "main", "on_hand", 7, -2)]
    assert levels(engine) == {"MUG": 7}
    assert rows(engine, STATE) == [("failed", "levels_off_the_ledger_1")]
