"""The shared budget: never more than its burst and its rate, however many processes ask."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest
from sqlalchemy import Engine, func, text

from sync.store.budget import API_BUDGET, Budget, Spent
from sync.store.engine import make_engine
from tests.databases import Databases

SLOW = 0.1  # a token in ten seconds: nothing comes back during a test


@pytest.fixture(scope="module")
def one_database(databases: Databases) -> Iterator[Engine]:
    """One database for all tests of this file: only the budget's row is in it."""
    with databases.borrowed() as url:
        made = make_engine(url)
        yield made
        made.dispose()


@pytest.fixture
def engine(one_database: Engine) -> Engine:
    with one_database.begin() as conn:
        conn.execute(API_BUDGET.delete())
    return one_database


def taken(budget: Budget, *, background: bool = False) -> int:
    """Take until nothing is left; return how many tokens there were."""
    count = 0
    while budget.take(background=background) == 0:
        count += 1
    return count


def test_a_burst_is_taken_at_once_and_then_one_has_to_wait(engine: Engine) -> None:
    budget = Budget(engine, per_s=SLOW, burst=3)

    assert [budget.take() for _ in range(3)] == [0, 0, 0]
    assert 9 < budget.take() <= 10


def test_after_the_wait_there_is_one_token(engine: Engine) -> None:
    budget = Budget(engine, per_s=4, burst=2)
    taken(budget)
    time.sleep(budget.take())

    assert budget.take() == 0
    assert budget.take() > 0


def test_a_rest_fills_the_bucket_and_no_more(engine: Engine) -> None:
    budget = Budget(engine, per_s=SLOW, burst=3)
    taken(budget)
    with engine.begin() as conn:
        conn.execute(API_BUDGET.update().values(full_at=func.now() - text("interval '1 hour'")))

    assert taken(budget) == 3


@pytest.mark.parametrize(
    ("burst", "background", "urgent"),
    [(10, 8, 2), (5, 4, 1), (4, 4, 0), (1, 1, 0)],
)
def test_background_reads_leave_a_fifth_to_urgent_ones(
    engine: Engine, burst: int, background: int, urgent: int
) -> None:
    budget = Budget(engine, per_s=SLOW, burst=burst)

    assert taken(budget, background=True) == background
    assert taken(budget) == urgent


def test_a_refusal_stops_everyone_and_the_bucket_is_empty_then(engine: Engine) -> None:
    budget, other = (Budget(engine, per_s=10, burst=5) for _ in range(2))
    budget.slow_down(0.3)

    assert 0.3 < other.take() <= 0.4
    time.sleep(0.3)
    assert 0 < other.take() <= 0.1
    time.sleep(0.1)
    assert other.take() == 0


def test_a_shorter_refusal_does_not_end_a_longer_one(engine: Engine) -> None:
    budget = Budget(engine, per_s=10, burst=5)
    budget.slow_down(30)
    budget.slow_down(1)

    assert budget.take() > 29


def test_reads_and_refusals_are_counted(engine: Engine) -> None:
    budget = Budget(engine, per_s=SLOW, burst=2)
    assert budget.spent() == Spent(reads=0, refused=0)
    taken(budget)
    budget.slow_down(1)

    assert budget.spent() == Spent(reads=2, refused=1)


def test_a_budget_that_gives_nothing_is_refused(engine: Engine) -> None:
    for per_s, burst in ((0, 5), (1, 0)):
        with pytest.raises(ValueError, match="budget"):
            Budget(engine, per_s=per_s, burst=burst)


def ask_for(url: str, start_at: float, duration_s: float, *, background: bool) -> int:
    """Take as much as there is for a while; runs in processes of its own, too."""
    engine = make_engine(url)
    try:
        budget, count = Budget(engine, per_s=RATE, burst=BURST), 0
        time.sleep(max(0, start_at - time.time()))
        while time.time() < start_at + duration_s:
            wait_s = budget.take(background=background)
            count += wait_s == 0
            time.sleep(min(wait_s, 0.02))
        return count
    finally:
        engine.dispose()


RATE, BURST, DURATION_S = 50, 10, 1.0


def test_processes_and_threads_together_get_no_more_than_the_budget(engine: Engine) -> None:
    """Every process is warm before the time that counts begins."""
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes,
        ThreadPoolExecutor(3) as threads,
    ):
        list(processes.map(time.sleep, [0.2, 0.2]))
        start_at = time.time() + 1
        ask: Callable[..., int] = ask_for
        url = engine.url.render_as_string(hide_password=False)
        asking = [
            pool.submit(ask, url, start_at, DURATION_S, background=background)
            for pool in (processes, processes, threads, threads, threads)
            for background in (False, True)
        ]
        counts = [each.result() for each in asking]

    most = BURST + RATE * (DURATION_S + 0.1)  # the last take may begin late, and end later
    assert RATE * DURATION_S * 0.7 <= sum(counts) <= most
