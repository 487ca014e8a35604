"""Law 3 with real workers: any order, repeats, ties, batches, lanes, hands; API or none."""

import random
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from app.simulator.history import History
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from app.simulator.stripe_api.account import from_history
from app.simulator.stripe_api.server import StripeApi, serving
from sync.mirror.objects import OBJECTS, OTHER
from sync.mirror.objects import mirrored as mirrored_as
from tests.mirror.fold import mirrored
from tests.workers.world import Json, World, settings_for, world
from workers import drain, reads
from workers.context import Context

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
LATER = START + timedelta(days=800)
KEY = "sk_test_key_of_the_fake"
MOST_READS_PER_EVENT = 0.1


@dataclass(frozen=True, slots=True)
class Chaos:
    """How events come: shuffled within `window` places, up to five times each, by several hands.

    `grain_s`: Stripe's clock as if it showed only every so many seconds, which makes ties.
    `thin`: the share of events that only name their object. With a key, wishes are read
    beside all that.
    """

    seed: int
    grain_s: int = 1
    thin: float = 0.0

    def deliver(self, shop: World, history: History) -> None:
        """Let everything arrive in pieces while several workers drain several lanes."""
        rng = random.Random(self.seed)
        lanes, hands = rng.choice([1, 2, 3]), rng.choice([1, 2, 4])
        settings = replace(shop.context.settings, lanes=lanes)
        context = replace(shop.context, settings=settings)
        stop = threading.Event()
        with ThreadPoolExecutor(max(hands, lanes) + 1) as pool:
            work = partial(_drain_until, context, stop)
            working = [pool.submit(work, hand % lanes) for hand in range(max(hands, lanes))]
            working.append(pool.submit(_read_until, context, stop))
            try:
                for piece in self._pieces(self.events(history, rng), rng):
                    World(context).arrive(*piece)
            finally:
                stop.set()
            for each in working:
                each.result()
        for lane in range(lanes):
            assert drain.drain(context, lane, at_most_s=30)

    def events(self, history: History, rng: random.Random) -> list[Json]:
        """Return the events with their times in this clock's grains, some of them thin."""
        told = [
            {**e, "created": e["created"] // self.grain_s * self.grain_s} for e in history.events
        ]
        return [
            thin if rng.random() < self.thin and (thin := thinned(event)) else event
            for event in told
        ]

    def _pieces(self, events: Sequence[Json], rng: random.Random) -> Iterator[Sequence[Json]]:
        repeated = [event for event in events for _ in range(rng.choice([1, 1, 1, 2, 5]))]
        window = rng.choice([0, 5, 40, len(repeated)])
        order = sorted(range(len(repeated)), key=lambda place: place + rng.random() * window)
        while order:
            size = rng.choice([1, 3, 10, 60])
            yield [repeated[place] for place in order[:size]]
            del order[:size]


def thinned(event: Json) -> Json | None:
    """Return the thin event that tells the same; None where no object could be read for it."""
    subject = event["data"]["object"]
    endpoint = mirrored_as(subject["object"]).endpoint
    if "id" not in subject or event["type"].endswith(".deleted") or not (endpoint and endpoint.one):
        return None
    kind, object_id = subject["object"], subject["id"]
    return {
        "id": event["id"],
        "object": "v2.core.event",
        "type": f"v1.{event['type']}",
        "created": datetime.fromtimestamp(event["created"], UTC).isoformat(),
        "livemode": event["livemode"],
        "related_object": {"id": object_id, "type": kind, "url": endpoint.one.format(id=object_id)},
    }


def _read_until(context: Context, stop: threading.Event) -> None:
    while not stop.is_set():
        World(context).run("UPDATE evergreen.refetch SET due_at = least(due_at, now())")
        reads.read(context, at_most_s=1)
        stop.wait(0.05)


def _drain_until(context: Context, stop: threading.Event, lane: int) -> None:
    while not stop.is_set():
        drain.drain(context, lane, at_most_s=1)


@contextmanager
def keyed(shop: World, history: History) -> Iterator[tuple[World, StripeApi]]:
    """Yield the same service with a key to a Stripe that shows the history's end."""
    account = from_history(history, now=lambda: LATER)
    api = StripeApi(account, key=KEY)
    with serving(api) as base:
        settings = replace(
            shop.context.settings,
            stripe_api_key=KEY,
            stripe_api_base=base,
            stripe_reads_per_s=100,
        )
        yield World(replace(shop.context, settings=settings)), api


def read_everything(shop: World) -> None:
    """Let time pass for what waits to be read, until nothing does."""
    for _ in range(5):
        shop.run("UPDATE evergreen.refetch SET due_at = now() - interval '1 second'")
        assert reads.read(shop.context, at_most_s=30)
    assert shop.rows("SELECT * FROM evergreen.refetch") == []


def wrong(shop: World, history: History, *, api: bool = False) -> set[tuple[str, str]]:
    """Return the objects that the mirror does not show as they are; without `api` as told."""
    final = history.whole_objects() if api else dict(history.objects)
    shown = mirrored(shop.context.engine)
    return {key for key in shown.keys() | final.keys() if _plain(shown, key) != _plain(final, key)}


def _plain(objects: dict[tuple[str, str], Any], key: tuple[str, str]) -> Any:
    """Return an object without what Stripe shows only on request: readings hold more."""
    shown = objects.get(key)
    return shown and {
        name: _sorted(value) for name, value in shown.items() if name not in _ON_REQUEST
    }


def _sorted(value: Any) -> Any:
    """Return a list of Stripe's in the order of ids: items have no other that holds everywhere."""
    if isinstance(value, dict) and value.get("object") == "review":
        return value["id"]  # a charge is read together with it
    if not isinstance(value, dict) or value.get("object") != "list":
        return value
    return {**value, "data": sorted(value["data"], key=lambda each: str(each["id"]))}


_ON_REQUEST = {"payments", "tax_ids", "tiers", "currency_options", "line_items", "applies_to"}


def doubted(shop: World, marked: str = "undecided OR provisional") -> set[tuple[str, str]]:
    """Return the objects of which the mirror itself says that it is not sure."""
    found: set[tuple[str, str]] = set()
    for name, kind in OBJECTS.items():
        query = f"SELECT id FROM {kind.table.fullname} WHERE {marked}"
        found |= {(name, row[0]) for row in shop.rows(query)}
    query = f"SELECT object, id FROM {OTHER.table.fullname} WHERE {marked}"
    return found | {(row[0], row[1]) for row in shop.rows(query)}


def forget(shop: World) -> None:
    """Empty every table that events and readings write to."""
    tables = shop.rows(
        "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables"
        " WHERE schemaname = 'stripe' OR relname ~ '^(inbox|outbox|refetch|subscription_history)'"
    )
    with shop.context.engine.begin() as conn:
        conn.execute(text(f"TRUNCATE {', '.join(row[0] for row in tables)}"))


@pytest.fixture
def shop(database_url: str, redis_url: str) -> Iterator[World]:
    made = world(settings_for(database_url, redis_url), LATER)
    yield made
    made.context.engine.dispose()


@pytest.mark.parametrize("life", sorted(LIVES))
def test_every_life_ends_right_without_an_api(shop: World, life: str) -> None:
    history = simulate(7, life, start=START)
    Chaos(seed=len(life)).deliver(shop, history)

    assert wrong(shop, history) == set()
    assert doubted(shop, "undecided") == set()


@pytest.mark.parametrize("grain_s", [1, 3600], ids=["as-stripe-stamps", "a-clock-of-hours"])
def test_every_life_ends_right_with_the_api(shop: World, grain_s: int) -> None:
    events = asked = 0
    for number, life in enumerate(sorted(LIVES)[:: 2 if grain_s == 1 else 4]):
        forget(shop)
        history = simulate(11, life, start=START)
        with keyed(shop, history) as (reading, api):
            Chaos(seed=number, grain_s=grain_s).deliver(reading, history)
            read_everything(reading)
            assert wrong(reading, history, api=True) == set(), life
            asked += len(api.requests)
        events += len(history.events)

    assert asked <= events * (MOST_READS_PER_EVENT if grain_s == 1 else 1)
    assert asked > 0 or grain_s == 1


def test_thin_events_are_read_beside_all_others(shop: World) -> None:
    for number, life in enumerate(sorted(LIVES)[::3]):
        forget(shop)
        history = simulate(17, life, start=START)
        with keyed(shop, history) as (reading, _):
            Chaos(seed=number, grain_s=60, thin=0.2).deliver(reading, history)
            read_everything(reading)
            assert wrong(reading, history, api=True) == set(), life


def test_with_a_coarse_clock_and_no_api_what_is_wrong_is_marked(shop: World) -> None:
    """Ties that nothing decides may be shown wrong; the row says so."""
    for number, life in enumerate(sorted(LIVES)[::4]):
        forget(shop)
        history = simulate(13, life, start=START)
        Chaos(seed=number, grain_s=3600).deliver(shop, history)
        assert wrong(shop, history) <= doubted(shop), life


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_a_thousand_histories_end_right(shop: World) -> None:
    for number in range(1000):
        life = random.Random(number).choice(sorted(LIVES))
        sys.stdout.write(f"seed {number}, life {life}\n")
        forget(shop)
        history = simulate(number, life, start=START)
        Chaos(seed=number).deliver(shop, history)
        assert wrong(shop, history) == set()
