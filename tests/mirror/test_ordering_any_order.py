"""The newest snapshot does not depend on the order in which snapshots are looked at."""

import random
from collections import defaultdict
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulator.lives import LIVES
from app.simulator.simulate import simulate
from sync.mirror.events import Event
from sync.mirror.ordering import newest
from tests.mirror.fold import shown

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def snapshots(seed: int, life: str) -> dict[tuple[str, str], list[Event]]:
    """Return each object's events of a simulated life, in the order they happened."""
    grouped: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for raw in simulate(seed, life, start=START).events:
        event = shown(orjson.dumps(raw))
        if event.object_id:
            grouped[event.object_type, event.object_id].append(event)
    return grouped


@pytest.mark.parametrize("life", sorted(LIVES))
def test_the_last_event_of_every_object_is_found_in_any_order(life: str) -> None:
    history = simulate(7, life, start=START)
    wrong = []
    for (kind, object_id), events in snapshots(7, life).items():
        for shuffle in range(5):
            mixed = events * 2
            random.Random(shuffle).shuffle(mixed)
            found = newest(mixed)
            if found.event.object != history.objects[kind, object_id]:
                wrong.append((kind, object_id, found.event.type))

    assert wrong == []


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), life=st.sampled_from(sorted(LIVES)), data=st.data())
def test_any_permutation_and_any_prefix_of_knowledge_agree(
    seed: int, life: str, data: st.DataObject
) -> None:
    groups = [events for events in snapshots(seed, life).values() if len(events) > 1]
    if not groups:
        return
    events = data.draw(st.sampled_from(groups))
    mixed = data.draw(st.permutations(events))

    assert newest(mixed) == newest(events)
