"""Law 3: the mirror equals Stripe, whatever the order, repetition and batching of events."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from app.simulator.disturb import disturb
from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from tests.mirror.fold import Json, empty, fold, mirrored, rows

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def split(events: Sequence[Json], rng: random.Random) -> Iterator[Sequence[Json]]:
    """Cut `events` into batches of random sizes."""
    at = 0
    while at < len(events):
        size = rng.choice([1, 2, 3, 7, 40])
        yield events[at : at + size]
        at += size


def children(objects: dict[tuple[str, str], Any], kind: str, field: str) -> set[tuple[str, str]]:
    """Return (parent, child) ids that the final objects embed."""
    return {
        (object_id, child["id"])
        for (name, object_id), data in objects.items()
        if name == kind
        for child in data[field]["data"]
    }


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(life=st.sampled_from(sorted(LIVES)), seed=st.integers(0, 500), chaos=st.integers(0, 999))
def test_any_order_ends_in_the_last_objects(
    engine: Engine, life: str, seed: int, chaos: int
) -> None:
    empty(engine)
    history = simulate(seed, life, start=START)
    rng = random.Random(chaos)
    window = rng.choice([None, None, 5, 40])
    fold(engine, split(disturb(history.events, rng, duplicates=0.3, window=window), rng))

    final = dict(history.objects)
    assert mirrored(engine) == final
    items = rows(engine, "SELECT subscription, id FROM stripe.subscription_items")
    assert set(items) == children(final, "subscription", "items")
    lines = rows(engine, "SELECT invoice, id FROM stripe.invoice_line_items")
    assert set(lines) == children(final, "invoice", "lines")


@pytest.mark.parametrize("shuffle", range(3))
def test_the_typed_columns_are_the_same_in_any_order(engine: Engine, shuffle: int) -> None:
    everything = "SELECT to_jsonb(s) - 'source' FROM stripe.subscriptions s"
    history = simulate(11, "upgrade_with_proration", start=START)
    fold(engine, [history.events])
    in_order = rows(engine, everything)
    empty(engine)
    fold(
        engine,
        split(
            disturb(history.events, random.Random(shuffle), duplicates=0.5, window=None),
            random.Random(shuffle),
        ),
    )

    assert rows(engine, everything) == in_order


def test_what_was_deleted_never_comes_back(engine: Engine) -> None:
    history = simulate(3, "customer_deleted", start=START)
    late = [e for e in history.events if e["type"] in {"customer.created", "customer.updated"}]
    assert late
    fold(engine, [history.events])
    for number, event in enumerate(late):
        again = {**event, "id": f"evt_late{number}", "created": event["created"] + 10_000_000}
        fold(engine, [[again]])

    deleted = rows(engine, "SELECT id FROM stripe.customers WHERE deleted_at IS NOT NULL")
    assert {("customer", row[0]) for row in deleted} == {
        key for key in history.deleted if key[0] == "customer"
    }
    assert deleted


def test_an_event_tells_what_changed_once(engine: Engine) -> None:
    history = simulate(5, "renewal", start=START)
    changes = fold(engine, [[event] for event in history.events])
    again = fold(engine, [history.events])

    assert again == []
    firsts = [change for change in changes if change.before is None]
    assert len({(c.object, c.id) for c in firsts}) == len(firsts) == len(history.objects)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 1, 0], [1, 3, 0, 2]])
def test_a_circle_is_settled_by_what_stood_before_even_when_that_comes_last(
    engine: Engine, order: list[int]
) -> None:
    """A to B to A within one second: only the state before that second tells the end."""
    told = [
        customer_event("evt_made", "customer.created", 100, {"tier": "A"}, None),
        customer_event("evt_up", "customer.updated", 150, {"tier": "B"}, {"tier": "A"}),
        customer_event("evt_back", "customer.updated", 200, {"tier": "A"}, {"tier": "B"}),
        customer_event("evt_again", "customer.updated", 200, {"tier": "B"}, {"tier": "A"}),
    ]
    fold(engine, [[told[index]] for index in order])

    assert mirrored(engine)["customer", "cus_1"]["metadata"] == {"tier": "B"}


def customer_event(
    event_id: str, kind: str, created: int, metadata: Json, previous: Json | None
) -> Json:
    """Return an event of one customer, as Stripe would send it."""
    customer = {"id": "cus_1", "object": "customer", "created": 100, "metadata": metadata}
    data: dict[str, Any] = {"object": customer}
    if previous is not None:
        data["previous_attributes"] = {"metadata": previous}
    return {
        "id": event_id,
        "object": "event",
        "type": kind,
        "created": 1_700_000_000 + created,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": data,
    }
