"""Any order, any repetition, several hands and crashes: the shelf ends where the truth is."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import pytest
from sqlalchemy import Engine, event

from sync.changes import Done, Outcome
from sync.delivery.policy import Policy
from sync.delivery.sink import Finding
from sync.inventory import delivery
from sync.inventory.delivery import Ways
from sync.inventory.policy import InventoryPolicy
from sync.inventory.sink import Intent, Told
from sync.store import outbox
from sync.store.engine import make_engine
from tests.inventory.shelf import NOW, Json, ledger, levels, mirror, rows, settle_all
from tests.inventory.tales import CATALOGUE, Tale, tale, truth


class Follower:
    """Somebody else's books: takes each key once, and forgets an answer now and then."""

    name = "webhook"
    policy = Policy(batch=10)

    def __init__(self) -> None:
        self.taken: dict[str, Told] = {}
        self.calls = 0

    def setup(self) -> Sequence[Finding]:
        """Need nothing."""
        return ()

    def deliver(self, batch: Sequence[Intent]) -> Sequence[Outcome]:
        """Book what is new; the same key again must say the same."""
        for told in batch:
            assert isinstance(told, Told)
            self.calls += 1
            assert self.taken.setdefault(told.key, told) == told
        if self.calls % 4 == 0:
            raise Crash
        return [Done() for _ in batch]

    def resolve(self, intent: Intent) -> Outcome | None:
        """Know nothing."""
        del intent
        return None

    def levels(self) -> dict[str, int]:
        """Return what its books add up to, zeros left out."""
        sums: Counter[str] = Counter()
        for told in self.taken.values():
            sums[told.movement.sku] += told.movement.delta
        return {sku: amount for sku, amount in sums.items() if amount}


class Crash(Exception):
    """The process dies here."""


@pytest.fixture
def crashing(database_url: str) -> Iterator[tuple[Engine, Counter[str]]]:
    """An engine whose statements crash by chance in threads that asked for it."""
    engine = make_engine(database_url, pool_size=8)
    crashes: Counter[str] = Counter()
    rng = random.Random(5)

    @event.listens_for(engine, "before_cursor_execute")
    def perhaps_crash(*_: Any) -> None:
        if getattr(CRASHING, "on", False) and rng.random() < 0.03:
            crashes["injected"] += 1
            raise Crash

    yield engine, crashes
    engine.dispose()


CRASHING = threading.local()


def work(
    engine: Engine, batches: list[Sequence[Json]], seed: int, seen: Counter[str], ways: Ways
) -> None:
    """Mirror batches and deliver what is due, in turns, until both have ended."""
    rng = random.Random(seed)
    while batches or rows(engine, OPEN):
        if batches and rng.random() < 0.5:
            mirror(engine, batches.pop())
            continue
        with engine.begin() as conn:
            claimed = outbox.claim(conn, NOW, limit=5, lease_s=0.3)
        for each in claimed:
            deliver_or_die(engine, each, seen, ways)


OPEN = "SELECT 1 FROM evergreen.outbox WHERE state IN ('pending', 'leased') LIMIT 1"


def deliver_or_die(engine: Engine, claimed: outbox.Claimed, seen: Counter[str], ways: Ways) -> None:
    CRASHING.on = True
    try:
        outcome = delivery.deliver(engine, claimed, NOW, ways)
    except Crash:
        return
    finally:
        CRASHING.on = False
    assert isinstance(outcome, Done)
    with engine.begin() as conn:
        seen["settled"] += outbox.settle(conn, claimed, outcome, NOW)
    seen["delivered"] += 1


def converge_in_threads(
    engine: Engine, tales: Sequence[Tale], rng: random.Random, ways: Ways, threads: int = 4
) -> Counter[str]:
    arriving = [*CATALOGUE, *(each for one in tales for each in one.events)] * 3
    rng.shuffle(arriving)
    batches: list[Sequence[Json]] = [arriving[at : at + 7] for at in range(0, len(arriving), 7)]
    seen: Counter[str] = Counter(events=len(arriving))
    failed: list[BaseException] = []

    def run(seed: int) -> None:
        try:
            work(engine, batches, seed, seen, ways)
        except BaseException as error:  # noqa: BLE001 — handed to the test below
            failed.append(error)

    running = [threading.Thread(target=run, args=(seed,)) for seed in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert failed == []
    return seen


SIZES = [
    pytest.param(60, 1, id="small"),
    pytest.param(400, 2, id="seed-2", marks=[pytest.mark.prove, pytest.mark.timeout(600)]),
    pytest.param(400, 3, id="seed-3", marks=[pytest.mark.prove, pytest.mark.timeout(600)]),
    pytest.param(400, 4, id="seed-4", marks=[pytest.mark.prove, pytest.mark.timeout(600)]),
]


@pytest.mark.parametrize(("invoices", "seed"), SIZES)
def test_levels_equal_the_truth_and_the_ledger(
    crashing: tuple[Engine, Counter[str]], invoices: int, seed: int
) -> None:
    """Every change comes three times, shuffled, to four threads that crash between statements."""
    engine, crashes = crashing
    rng = random.Random(seed)
    tales = [tale(number, rng) for number in range(invoices)]

    follower = Follower()
    ways = Ways(InventoryPolicy(followers=("webhook",)), {"webhook": follower})
    began = perf_counter()
    seen = converge_in_threads(engine, tales, rng, ways)
    took_s = perf_counter() - began

    assert levels(engine) == truth(tales)
    assert ledger(engine) == truth(tales)
    assert follower.levels() == truth(tales)
    assert rows(engine, TOLD_OFF_THE_LEDGER) == [(0,)]
    assert rows(engine, ALLOCS_OFF_THE_LEDGER) == []
    assert rows(engine, DEADLOCKS) == [(0,)]
    assert crashes["injected"] > invoices // 10
    measured = f"{dict(seen | crashes)}, {seen['events'] / took_s:.0f} events/s"
    print(measured)  # noqa: T201 — shown by `pytest -s`: what the proof went through


ALLOCS_OFF_THE_LEDGER = """
    SELECT source_line, sku FROM evergreen.stock_alloc LEFT JOIN (
      SELECT source_line, sku, location, sum(delta) AS booked
        FROM evergreen.stock_movement GROUP BY 1, 2, 3) AS moved USING (source_line, sku, location)
     WHERE applied_on_hand IS DISTINCT FROM coalesce(booked, 0)"""
TOLD_OFF_THE_LEDGER = """
    SELECT (SELECT count(*) FROM evergreen.stock_movement WHERE counter = 'on_hand')
         - (SELECT count(*) FROM evergreen.outbox WHERE kind = 'movement' AND state = 'done')"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def test_converging_again_books_nothing(engine: Engine) -> None:
    rng = random.Random(9)
    tales = [tale(number, rng) for number in range(15)]
    mirror(engine, [*CATALOGUE, *(each for one in tales for each in one.events)])
    settle_all(engine)
    booked = rows(engine, "SELECT count(*) FROM evergreen.stock_movement")

    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE evergreen.outbox SET state = 'pending'")
    delivered = settle_all(engine)

    assert delivered > 15
    assert booked == rows(engine, "SELECT count(*) FROM evergreen.stock_movement")
