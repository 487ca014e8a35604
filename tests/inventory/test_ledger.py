"""The ledger: append-only, each step once, counts by hand beside the sales."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, IntegrityError

from sync.inventory.ledger import Count, Movement, book, count, known_locations, known_skus
from tests.inventory.shelf import NOW, ledger, levels, rows

SOLD = Movement(
    source_line="in_1:il_1",
    sku="MUG",
    location="main",
    revision=1,
    counter="on_hand",
    delta=-2,
    cause="invoice_paid",
    event_id="evt_1",
    at=NOW,
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evergreen.stock_movement SET delta = 1",
        "DELETE FROM evergreen.stock_movement",
        "TRUNCATE evergreen.stock_movement",
    ],
)
def test_what_is_booked_stays(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        book(conn, [SOLD])

    with pytest.raises(DatabaseError, match="append-only"), engine.begin() as conn:
        conn.exec_driver_sql(statement)
    assert ledger(engine) == {"MUG": -2}


def test_the_same_step_is_refused_a_second_time(engine: Engine) -> None:
    """Even a writer that forgot the lock cannot book a revision twice."""
    with engine.begin() as conn:
        book(conn, [SOLD])

    with pytest.raises(IntegrityError), engine.begin() as conn:
        book(conn, [SOLD])
    assert levels(engine) == {"MUG": -2}


def test_a_movement_says_where_it_led(engine: Engine) -> None:
    with engine.begin() as conn:
        book(conn, [SOLD])
        book(conn, [replace(SOLD, revision=2, delta=5)])

    assert rows(engine, "SELECT delta, level_after FROM evergreen.stock_movement ORDER BY id") == [
        (-2, -2),
        (5, 3),
    ]


def test_a_reservation_can_be_given_back_but_not_more(engine: Engine) -> None:
    reserved = replace(SOLD, counter="reserved", delta=2)
    with engine.begin() as conn:
        book(conn, [reserved, replace(reserved, revision=2, delta=-2)])

    assert levels(engine, "reserved") == {}
    with pytest.raises(IntegrityError), engine.begin() as conn:
        book(conn, [replace(reserved, revision=3, delta=-1)])


def test_a_count_books_the_difference_to_what_stood_there(engine: Engine) -> None:
    with engine.begin() as conn:
        book(conn, [SOLD])
        first = count(conn, [Count("MUG", "main", 40)], NOW)
        again = count(conn, [Count("MUG", "main", 40)], NOW)

    assert ([each.delta for each in first], again) == ([42], [])
    assert first[0].source_line.startswith("adj:")
    assert levels(engine) == ledger(engine) == {"MUG": 40}


def test_a_first_count_makes_sku_and_location_known(engine: Engine) -> None:
    with engine.begin() as conn:
        count(conn, [Count("TEA", "attic", 0), Count("MUG", "main", 3)], NOW)

        assert known_skus(conn) == ["MUG", "TEA"]
        assert known_locations(conn) == ["attic", "main"]
