"""Recorded events of real shops, API versions of 2016 to 2025: all go through.

They lie beside the checkout, in `../shared/stripe-events`, and are no part of it.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from app.local.state import CHECKOUT
from app.settings import Settings
from sync.mirror.objects import mirrored
from tests.mirror.all_rows import held
from tests.mirror.fold import Json
from tests.workers.world import World, settings_for, world

FOLDER = CHECKOUT.parent / "shared/stripe-events"
FILES = sorted(FOLDER.glob("*.json"))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
Key = tuple[str, str, str]

pytestmark = pytest.mark.skipif(
    not FILES, reason="no recorded events in ../shared/stripe-events beside the checkout"
)


def recorded() -> list[Json]:
    """Return the events, each with an id of its own: whoever made them anonymous reused ids."""
    events = [orjson.loads(path.read_bytes()) for path in FILES]
    return [{**event, "id": f"evt_{number:03}"} for number, event in enumerate(events)]


@pytest.fixture
def service(database_url: str, redis_url: str) -> Iterator[World]:
    """A service that takes events of both modes."""
    yield from running(settings_for(database_url, redis_url))


@pytest.fixture
def service_in_test_mode(database_url: str, redis_url: str) -> Iterator[World]:
    """A service that takes events of test mode only."""
    yield from running(settings_for(database_url, redis_url, STRIPE_LIVEMODE="false"))


def running(settings: Settings) -> Iterator[World]:
    """Yield a service, and close its connections after."""
    service = world(settings, NOW)
    yield service
    service.context.engine.dispose()


def newest() -> Iterator[tuple[Key, list[Json]]]:
    """Yield each object's key and the events that may show its last state: those of one second.

    Where one says that the object is gone, no other counts.
    """
    by_key: dict[Key, list[Json]] = defaultdict(list)
    for event in recorded():
        subject = event["data"]["object"]
        if object_id := mirrored(subject["object"]).identify(subject):
            by_key[subject["object"], object_id, event.get("account") or ""].append(event)
    for key, events in by_key.items():
        latest = max(event["created"] for event in events)
        last = [event for event in events if event["created"] == latest]
        yield key, [event for event in events if says_gone(event)] or last


def says_gone(event: Json) -> bool:
    """Tell whether an event ends its object for good."""
    deletable = mirrored(event["data"]["object"]["object"]).deletable
    return deletable and event["type"].endswith(".deleted")


def row_of(engine: Engine, key: Key) -> Any:
    """Return what the mirror holds of an object; raises where that is not exactly one row."""
    object_type, object_id, account = key
    table = mirrored(object_type).table
    wanted = select(table).where(table.c.id == object_id, table.c.account == account)
    if "object" in table.c:
        wanted = wanted.where(table.c.object == object_type)
    with engine.connect() as conn:
        return conn.execute(wanted).one()


def ends(service: World) -> list[tuple[str, str | None, int]]:
    """Return how many events ended how, and why."""
    return service.rows(
        "SELECT state, last_error, count(*) FROM evergreen.inbox GROUP BY 1, 2 ORDER BY 1, 2"
    )


def test_every_recorded_event_ends_done(service: World) -> None:
    service.arrive(*recorded())
    service.drain()

    assert ends(service) == [("done", None, len(FILES))]


def test_only_events_of_the_other_mode_are_parked(service_in_test_mode: World) -> None:
    service = service_in_test_mode
    live = sum(event["livemode"] for event in recorded())
    service.arrive(*recorded())
    service.drain()

    assert ends(service) == [
        ("done", None, len(FILES) - live),
        ("parked", "wrong_livemode", live),
    ]


def test_the_mirror_holds_the_newest_state_of_each_object(service: World) -> None:
    service.arrive(*recorded())
    service.drain()

    for key, events in newest():
        row = row_of(service.context.engine, key)
        assert row.data in [event["data"]["object"] for event in events], key
        assert (row.deleted_at is not None) == any(map(says_gone, events)), key


@pytest.mark.parametrize("seed", range(3))
def test_any_order_with_repeats_ends_in_the_same_rows(service: World, seed: int) -> None:
    events = recorded()
    service.arrive(*events)
    service.drain()
    in_order = held(service.context.engine)
    for table in [*in_order, "evergreen.inbox"]:
        service.run(f"TRUNCATE {table if '.' in table else f'stripe.{table}'}")
    shuffled = events * 3
    random.Random(seed).shuffle(shuffled)
    for start in range(0, len(shuffled), 40):
        service.arrive(*shuffled[start : start + 40])
        service.drain()

    assert held(service.context.engine) == in_order
