"""The parts that keep time and count, by themselves."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from app.body import BodyReader
from app.deadline import Watch, guard, hang_up
from app.envelope import delivery
from app.pause import Pause
from app.refusals import PER_ADDRESS, WINDOW_S, Refusals, Refused
from app.shelf import Shelf
from sync.store.engine import make_engine
from tests.receiver.stripe_side import encoded, event

KEPT_OUT = tuple(
    "notifications mjml babel sync.mirror sync.crm sync.inventory sync.reports stripe requests"
    " app.settings app.console app.simulator app.local alembic".split()
)


def test_an_action_runs_when_the_block_takes_too_long() -> None:
    ran = threading.Event()
    with Watch().limit(0.05, ran.set):
        assert ran.wait(2)


def test_an_action_does_not_run_when_the_block_is_quick() -> None:
    ran = threading.Event()
    with Watch().limit(0.3, ran.set):
        pass

    assert not ran.wait(0.7)


def test_hanging_up_wakes_whoever_waits() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Watch().limit(0.05, lambda: hang_up(ours.fileno())):
        assert ours.recv(1) == b""


def test_hanging_up_on_what_is_gone_does_no_harm() -> None:
    ours, theirs = socket.socketpair()
    number = ours.fileno()
    ours.close()
    theirs.close()
    watch, ran = Watch(), threading.Event()

    hang_up(number)
    hang_up(-1)
    with watch.limit(0, lambda: hang_up(-1)):
        time.sleep(0.5)
    with watch.limit(0, ran.set):
        assert ran.wait(2), "the watching thread lives on"


def test_a_connection_that_is_held_too_long_is_hung_up(database_url: str) -> None:
    engine = make_engine(database_url)
    guard(engine, Watch(), 0.3)
    begun = time.monotonic()
    with pytest.raises(OperationalError), engine.connect() as conn:
        conn.execute(text("SELECT pg_sleep(20)"))

    assert time.monotonic() - begun < 2
    with engine.connect() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_connections_that_come_back_in_time_are_left_alone(engine: Engine) -> None:
    guard(engine, Watch(), 0.3)
    pids = []
    for _ in range(2):
        with engine.connect() as conn:
            pids.append(conn.execute(text("SELECT pg_backend_pid()")).scalar_one())
        time.sleep(0.6)

    assert pids[0] == pids[1]


def test_the_doors_own_connection_stays_open_while_nobody_uses_it(engine: Engine) -> None:
    watch = Watch()
    guard(engine, watch, 0.3)
    shelf = Shelf(engine, watch, 0.3)
    first = shelf.store(delivery(encoded(event()), None))
    connection = shelf._connection
    time.sleep(0.8)
    second = shelf.store(delivery(encoded(event()), None))
    after = shelf._connection
    shelf.close()

    assert (first, second) == ("stored", "stored")
    assert after is connection


def test_a_connection_that_was_cut_meanwhile_is_replaced(engine: Engine, database_url: str) -> None:
    guard(engine, Watch(), 1)
    with engine.connect() as conn:
        pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])

    with engine.connect() as conn:
        assert conn.execute(text("SELECT 1")).scalar_one() == 1


def test_a_pause_ends_by_itself() -> None:
    pause = Pause(0.05)
    before = pause.is_on
    pause.begin()
    begun = pause.is_on
    time.sleep(0.06)

    assert (before, begun, pause.is_on) == (False, True, False)


def refusals() -> tuple[Refusals, list[float]]:
    """Return a counter and the clock that it goes by."""
    clock = [1000.0]
    return Refusals("door.noticed", now_s=lambda: clock[0]), clock


def told(events: Sequence[Mapping[str, object]]) -> list[object]:
    return [event["count"] for event in events]


def test_a_reason_is_logged_at_once_and_then_once_a_minute_with_its_count() -> None:
    noticed, clock = refusals()
    with capture_logs() as events:
        for _ in range(5):
            noticed.note("bad", {})
        clock[0] += WINDOW_S - 1
        noticed.note("bad", {})
        clock[0] += 1
        noticed.note("bad", {})
        noticed.note("bad", {})

    assert told(events) == [1, 6]


def test_each_reason_is_logged_by_itself() -> None:
    noticed, _ = refusals()
    with capture_logs() as events:
        for reason in ("bad", "worse", "bad"):
            noticed.note(reason, {})

    assert [event["reason"] for event in events] == ["bad", "worse"]


@pytest.mark.parametrize(
    ("count", "status"),
    [pytest.param(PER_ADDRESS, 400, id="last"), pytest.param(PER_ADDRESS + 1, 429, id="one-more")],
)
def test_an_address_gets_so_many_refusals_a_minute(count: int, status: int) -> None:
    noticed, clock = refusals()
    refused, flooding = Refused(400, "bad"), {"REMOTE_ADDR": "192.0.2.1"}
    answers = [noticed.answer(refused, flooding) for _ in range(count)]

    assert answers[-1].status_code == status
    assert noticed.answer(refused, {"REMOTE_ADDR": "192.0.2.2"}).status_code == 400
    clock[0] += WINDOW_S
    assert noticed.answer(refused, flooding).status_code == 400


def test_many_addresses_do_not_fill_the_memory() -> None:
    noticed, _ = refusals()
    for number in range(20_000):
        noticed.note("bad", {"REMOTE_ADDR": str(number)})

    assert len(noticed._addresses) <= 10_000


@pytest.mark.parametrize(
    ("length", "status"),
    [("x", 400), ("-1", 400), ("²", 400), ("1048577", 413), ("9" * 30, 413), ("9" * 5000, 413)],
)
def test_lengths_that_are_refused_before_a_byte_is_read(length: str, status: int) -> None:
    with pytest.raises(Refused) as refused:
        BodyReader(Watch()).read({"CONTENT_LENGTH": length})

    assert refused.value.status == status


def test_the_hot_path_stays_free_of_templates_vendors_and_reports() -> None:
    code = "import app.receiver, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [name for name in ran.stdout.split() if name.startswith(KEPT_OUT)] == []
