"""How events arrive."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.disturb import disturb
from app.simulator.history import Json

EVENTS: list[Json] = [{"id": f"evt_{number}", "place": number} for number in range(200)]


def places(seed: int, duplicates: float, window: int | None) -> list[int]:
    arrived = disturb(EVENTS, random.Random(seed), duplicates=duplicates, window=window)
    return [event["place"] for event in arrived]


@given(st.integers(0, 999), st.floats(0, 1), st.one_of(st.none(), st.integers(0, 300)))
def test_nothing_is_lost_and_nothing_comes_more_than_twice(
    seed: int,
    duplicates: float,
    window: int | None,
) -> None:
    counts = Counter(places(seed, duplicates, window))

    assert counts.keys() == set(range(200))
    assert set(counts.values()) <= {1, 2}


@pytest.mark.parametrize("window", [0, 1, 7])
def test_events_change_places_only_within_the_window(window: int) -> None:
    order = places(3, 0.0, window)

    assert all(abs(place - now) <= window for now, place in enumerate(order))
    assert (order == sorted(order)) == (window <= 1)


def test_no_window_shuffles_everything() -> None:
    order = places(3, 0.0, None)

    assert max(abs(place - now) for now, place in enumerate(order)) > 100


@pytest.mark.parametrize(("duplicates", "length"), [(0.0, 200), (1.0, 400)])
def test_duplicates_at_both_ends(duplicates: float, length: int) -> None:
    assert len(places(1, duplicates, 0)) == length


def test_the_same_dice_give_the_same_order() -> None:
    assert places(5, 0.2, None) == places(5, 0.2, None) != places(6, 0.2, None)
