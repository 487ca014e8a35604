"""MRR over time: what counts, and how it last moved."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from sync.crm.revenue import Kind, Revenue, last_movement, mrr_minor, next_change
from tests.crm.known import day

MICRO = 1_000_000


def state(begins: int | datetime, minor: float, **given: Any) -> Revenue:
    facts: dict[str, Any] = {"ends_at": None, "currency": "usd"}
    return Revenue(
        begins_at=day(begins) if isinstance(begins, int) else begins,
        micro_minor=int(minor * MICRO),
        **(facts | given),
    )


def steps(*amounts: float, paused_at: int | None = None) -> list[Revenue]:
    """Return one subscription that brings `amounts`, each for ten days."""
    return [
        state(10 * n, each, ends_at=day(10 * n + 10), paused=n == paused_at)
        for n, each in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("at", "minor"),
    [(9, 1000), (10, 1500), (19, 1500), (20, 0)],
    ids=["before", "at-once", "until-the-next", "ended"],
)
def test_the_state_of_that_instant_counts(at: int, minor: int) -> None:
    assert mrr_minor(steps(1000, 1500, 0), "usd", day(at)) == minor


def test_several_are_rounded_once_and_other_currencies_left_out() -> None:
    thirds = [state(0, 1 / 3) for _ in range(3)]

    assert mrr_minor([*thirds, state(0, 5, currency="eur")], "usd", day(1)) == 1


@pytest.mark.parametrize(
    ("history", "kind", "delta", "moved"),
    [
        pytest.param(steps(1000), "new", 1000, 0, id="new"),
        pytest.param(steps(0, 1000), "new", 1000, 10, id="after-a-trial"),
        pytest.param(steps(1000, 1500), "expansion", 500, 10, id="expansion"),
        pytest.param(steps(1000, 1000, 700), "contraction", -300, 20, id="contraction"),
        pytest.param(steps(1000, 0), "churn", -1000, 10, id="churn"),
        pytest.param(steps(1000, 0, 800), "reactivation", 800, 20, id="reactivation"),
        pytest.param(steps(1000, 0, paused_at=1), "pause", -1000, 10, id="pause"),
        pytest.param(steps(1000, 0, 1000, paused_at=1), "resume", 1000, 20, id="resume"),
        pytest.param(steps(1000, 1000), "new", 1000, 0, id="a-renewal-moves-nothing"),
    ],
)
def test_the_last_movement(history: list[Revenue], kind: Kind, delta: int, moved: int) -> None:
    found = last_movement(history, "usd", day(40))

    assert found is not None
    assert (found.kind, found.delta_minor, found.at) == (kind, delta, day(moved))


@pytest.mark.parametrize(
    ("apart", "kinds"),
    [
        pytest.param(timedelta(minutes=59), "expansion", id="one-movement"),
        pytest.param(timedelta(minutes=60), "reactivation", id="two"),
    ],
)
def test_a_flip_within_the_hour_is_one_movement(apart: timedelta, kinds: str) -> None:
    ended = [state(0, 1000, ends_at=day(10)), state(10, 0)]
    found = last_movement([*ended, state(day(10) + apart, 1500)], "usd", day(20))

    assert found is not None
    assert found.kind == kinds


def test_who_never_paid_never_moved() -> None:
    assert last_movement(steps(0, 0), "usd", day(40)) is None
    assert last_movement([], "usd", day(40)) is None


def test_what_is_to_come_is_looked_for_and_not_counted() -> None:
    history = steps(1000, 2000)

    assert next_change(history, day(5)) == day(10)
    assert next_change(history, day(10)) is None
    assert mrr_minor(history, "usd", day(5)) == 1000
