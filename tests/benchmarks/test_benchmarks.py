"""A tiny run of every measure: what `make bench` does works, whatever the figures are."""

import shutil
from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.local.servers import Servers, held
from app.local.state import state_dir
from benchmarks import drain, floor
from benchmarks.__main__ import MEASURES
from benchmarks.figures import Bar, Figure, table
from benchmarks.stage import Scale, Stage
from tests.conftest import Shared
from workers.drain import drain as drain_all

TINY = Scale(
    rounds=1, requests=200, idle_events=3, burst_events=60, drain_events=60, subscriptions=2_000
)
_PROCESSES = pytest.mark.processes
MARKS = {
    "receiver": [_PROCESSES],
    "idle": [_PROCESSES],
    "burst": [_PROCESSES, pytest.mark.prove],
    "drain": [_PROCESSES, pytest.mark.prove],
}
ALWAYS_THERE = {"customers", "invoices", "invoice_line_items", "subscription_items", "charges"}
BAR = Bar("at most", 2, of="ratio")


@pytest.fixture
def stage(shared: Shared, redis_url: str) -> Iterator[Stage]:
    folder = state_dir(f"tests-{uuid4().hex[:8]}")
    with held(folder):
        servers = Servers(database_url=shared.database_url, redis_url=redis_url)
        yield Stage(servers=servers, state=folder, scale=TINY)
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=MARKS.get(name, ())) for name in MEASURES],
)
def test_a_tiny_run(stage: Stage, name: str) -> None:
    figures = list(MEASURES[name](stage))

    assert figures
    assert all(figure.value > 0 for figure in figures)
    assert any(figure.bar for figure in figures)
    assert table(figures).count("\n") == len(figures) + 1


def test_the_floor_writes_the_rows_that_the_drain_writes(stage: Stage) -> None:
    again = "UPDATE evergreen.inbox SET state = 'pending', attempts = 0"
    with drain._inbox(stage, 400) as (context, conn):
        drain_all(context, 0, at_most_s=60)
        conn.execute(again)
        floor.run(conn, 50)

        written = set()
        for name in (table.name for table in floor.TABLES):
            theirs, ours = f"SELECT id FROM floor.{name}", f"SELECT id FROM stripe.{name}"
            if conn.execute(ours.encode()).rowcount:
                written.add(name)
            assert conn.execute(f"{ours} EXCEPT {theirs}".encode()).fetchall() == [], name

    assert written >= ALWAYS_THERE


@pytest.mark.parametrize(
    ("value", "met"), [pytest.param(20, True, id="at-it"), pytest.param(20.1, False, id="over")]
)
def test_a_bar_on_the_ratio(value: float, met: bool) -> None:
    assert BAR.met(Figure("m", value, "us", BAR, compared=10)) is met


def test_the_table_says_what_is_not_met() -> None:
    said = table([Figure("m", 30, "us", BAR, compared=10, versus="them")])

    assert said.splitlines()[2].split() == ["m", "30.0", "us", "3.00x", "them", "<=", "2x", "NO"]
