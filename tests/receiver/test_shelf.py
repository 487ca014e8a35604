"""The door's own connection to the inbox, and what it writes over it."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from app.deadline import Watch, guard, lives
from app.pause import Pause
from app.shelf import Shelf
from sync.store.engine import make_engine
from sync.store.inbox import Delivery, Stored
from tests.receiver.severed import severed

HOLD_S = 0.3
NOW = datetime(2026, 6, 1, tzinfo=UTC)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = ANY(%s)"
_KEPT = "SELECT event_id, deliveries FROM evergreen.inbox ORDER BY event_id"
_TAKE = "INSERT INTO evergreen.inbox (event_id, payload) VALUES (%s, '')"


def named(name: str, payload: bytes = b"{}", **fields: Any) -> Delivery:
    return Delivery(event_id=name, payload=payload, **fields)


@pytest.fixture
def shelf(engine: Engine) -> Iterator[Shelf]:
    """A shelf whose connection is open."""
    shelf = opened(engine)
    yield shelf
    shelf.close()


def opened(engine: Engine, hold_s: float = 10) -> Shelf:
    shelf = Shelf(engine, Watch(), hold_s)
    shelf._living()
    return shelf


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else in the database."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


def wait_for(shelves: Sequence[Shelf], conn: psycopg.Connection) -> None:
    """Return once all of these wait for a lock."""
    pids = [shelf._connection.info.backend_pid for shelf in shelves]
    until = time.monotonic() + 5
    while conn.execute(_WAITING, [pids]).fetchone() != (len(pids),):
        assert time.monotonic() < until
        time.sleep(0.01)


def together(
    shelf: Shelf, conn: psycopg.Connection, deliveries: Sequence[Delivery]
) -> list[Stored | None]:
    """Deliver one that finds the inbox locked; the others wait behind it and go together."""
    with ThreadPoolExecutor(len(deliveries) + 1) as pool:
        with conn.transaction():
            conn.execute("LOCK TABLE evergreen.inbox")
            pool.submit(shelf.store, named("first"))
            wait_for([shelf], conn)
            outcomes = []
            for number, each in enumerate(deliveries, 1):
                outcomes.append(pool.submit(shelf.store, each))
                while len(shelf._commits._waiting) < number:
                    time.sleep(0.001)
        return [outcome.result() for outcome in outcomes]


def kept(conn: psycopg.Connection) -> dict[str, int]:
    """Return how often each event was delivered."""
    return dict(conn.execute(_KEPT).fetchall())


def test_a_connection_that_waits_for_the_next_delivery_is_not_hung_up(engine: Engine) -> None:
    """It was taken out of the pool for good, and so from under the pool's time limit."""
    watch = Watch()
    guard(engine, watch, HOLD_S)
    shelf = Shelf(engine, watch, HOLD_S)
    assert shelf.store(Delivery(event_id="evt_1", payload=b"{}")) == "stored"
    time.sleep(HOLD_S + 0.5)

    assert lives(shelf._connection)
    shelf.close()


def test_each_of_a_group_is_told_its_own_outcome(shelf: Shelf, conn: psycopg.Connection) -> None:
    shelf.store(named("old"))
    outcomes = together(
        shelf,
        conn,
        [
            named("new", created=NOW, livemode=True, type="invoice.paid", slot=1023),
            named("old"),
            named("odd", parked="not_an_event"),
            named("twin"),
            named("twin", b"other bytes"),
            named("twin", account="acct_2"),
            named("old", b"old with other bytes"),
        ],
    )

    told = ["stored", "duplicate", "parked", "stored", "duplicate", "stored", "duplicate"]
    others = conn.execute("SELECT payload FROM evergreen.inbox_other_bytes ORDER BY 1").fetchall()
    twin = (
        "SELECT payload, deliveries FROM evergreen.inbox WHERE event_id = 'twin' AND account = ''"
    )
    assert outcomes == told
    assert others == [(b"old with other bytes",), (b"other bytes",)]
    assert conn.execute(twin).fetchone() == (b"{}", 2)
    assert kept(conn)["old"] == 3
    new = "SELECT created, livemode, type, slot FROM evergreen.inbox WHERE event_id = 'new'"
    assert conn.execute(new).fetchone() == (NOW, True, "invoice.paid", 1023)


def test_what_cannot_be_stored_takes_nobody_with_it(shelf: Shelf, conn: psycopg.Connection) -> None:
    """Nor does it count as an outage, which would keep out those who come next."""
    deliveries = [named(f"evt_{number}") for number in range(6)]
    deliveries[2:2] = [named("too_wide", slot=40_000), named("nul", type="a\0b")]

    outcomes = together(shelf, conn, deliveries)

    assert outcomes == ["stored", "stored", None, None, *["stored"] * 4]
    assert shelf.store(named("next")) == "stored"
    assert set(kept(conn)) == {"first", "next", *(f"evt_{number}" for number in range(6))}


def test_one_event_64_times_at_once_is_one_row(shelf: Shelf, conn: psycopg.Connection) -> None:
    with ThreadPoolExecutor(64) as pool:
        outcomes = list(pool.map(shelf.store, [named("evt_1")] * 64))

    assert sorted(filter(None, outcomes)) == ["duplicate"] * 63 + ["stored"]
    assert kept(conn) == {"evt_1": 64}


def test_a_database_that_ends_before_the_commit_has_stored_nothing(
    shelf: Shelf, database_url: str, conn: psycopg.Connection
) -> None:
    """`a` is inserted, `b` waits for another's `b`, and there the session ends."""
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute(_TAKE, ["b"])
        fates = pool.submit(shelf._commit, [named("a"), named("b"), named("c")])
        wait_for([shelf], conn)
        pid = shelf._connection.info.backend_pid
        conn.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])
        assert [type(fate) for fate in fates.result()] == [psycopg.errors.AdminShutdown] * 3
        other.rollback()

    assert kept(conn) == {}
    assert shelf.store(named("a")) is None, "a moment's pause"
    time.sleep(1.1)
    assert shelf.store(named("a")) == "stored"


def test_a_commit_whose_answer_is_lost_is_not_promised_and_found_when_it_comes_again(
    database_url: str, conn: psycopg.Connection
) -> None:
    with severed(database_url) as (url, sever):
        engine = make_engine(url)
        shelf = opened(engine)
        shelf._pause = Pause(0)
        assert shelf.store(named("before")) == "stored"
        sever()
        lost = shelf.store(named("evt_1"))
        committed = kept(conn)
        again = shelf.store(named("evt_1"))
        shelf.close()
        engine.dispose()

    assert (lost, committed) == (None, {"before": 1, "evt_1": 1})
    assert again == "duplicate"


def test_groups_with_the_same_events_do_not_wait_for_each_other_for_ever(
    engine: Engine, database_url: str, conn: psycopg.Connection
) -> None:
    """Two web processes, the same deliveries, each in another order."""
    shelves = [opened(engine), opened(engine)]
    orders = [["z", "m", "a"], ["a", "m", "z"]]
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(2) as pool:
        other.execute(_TAKE, ["m"])
        begun = time.monotonic()
        fates = [
            pool.submit(shelf._commit, [named(name) for name in order])
            for shelf, order in zip(shelves, orders, strict=True)
        ]
        wait_for(shelves, conn)
        other.rollback()
        found = [fate.result() for fate in fates]
        took_s = time.monotonic() - begun
    for shelf in shelves:
        shelf.close()

    assert sorted(map(list, found), key=str) == [[False] * 3, [True] * 3]
    assert took_s < 1, "PostgreSQL looks for a deadlock after a second"


def test_a_deadlock_with_others_is_no_reason_to_refuse(
    shelf: Shelf, database_url: str, conn: psycopg.Connection
) -> None:
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SET deadlock_timeout = '20s'")  # so that it is not the one to yield
        other.execute(_TAKE, ["b"])
        fates = pool.submit(shelf._commit, [named("a"), named("b")])
        wait_for([shelf], conn)
        other.execute(_TAKE, ["a"])  # the shelf has it, and waits for b: it must yield
        other.rollback()

        assert fates.result() == [True, True]
    assert kept(conn) == {"a": 1, "b": 1}


def test_a_thread_that_waits_is_told_within_the_time_of_one_commit(
    engine: Engine, conn: psycopg.Connection
) -> None:
    """Those behind a commit that did not end do not each wait for one of their own."""
    shelf = opened(engine, hold_s=0.5)
    begun = time.monotonic()
    with conn.transaction():
        conn.execute("LOCK TABLE evergreen.inbox")
        with ThreadPoolExecutor(40) as pool:
            outcomes = list(pool.map(shelf.store, [named(str(number)) for number in range(40)]))
    took_s = time.monotonic() - begun
    shelf.close()

    assert outcomes == [None] * 40
    assert took_s < 1.4
