"""Histories for the tests of the simulator, and how to read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from app.simulator import history
from app.simulator.history import History, Json
from app.simulator.simulate import simulate
from app.simulator.year import shop_year

START = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)  # a day most months do not have
UNTIL = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)


@cache
def told(seed: int, life: str) -> History:
    return simulate(seed, life, start=START)


@cache
def year(seed: int, customers: int) -> History:
    return shop_year(seed, customers=customers, start=START, until=UNTIL)


@dataclass(frozen=True, slots=True)
class Source:
    """How a history is made: one life, or without one a shop's year of 25 customers."""

    seed: int
    life: str | None

    @property
    def history(self) -> History:
        """Return the history, made once."""
        return year(self.seed, 25) if self.life is None else told(self.seed, self.life)


SUMMARY = "entitlements.active_entitlement_summary"


def key_of(event: Json) -> tuple[str, str] | None:
    """Return which object an event is about; None for a preview, which has no id."""
    return history.key_of(event["data"]["object"])


def snapshots(of: History) -> dict[tuple[str, str], list[Json]]:
    """Return every object's events in the order they happened."""
    by_object: dict[tuple[str, str], list[Json]] = {}
    for event in of.events:
        if key := key_of(event):
            by_object.setdefault(key, []).append(event)
    return by_object


def statuses(history: History, kind: str) -> list[list[str]]:
    """Return for each object of a kind the statuses it went through, without repetition."""
    paths = []
    for (object_type, _), events in snapshots(history).items():
        if object_type == kind:
            path = [str(event["data"]["object"]["status"]) for event in events]
            paths.append([s for n, s in enumerate(path) if n == 0 or path[n - 1] != s])
    return paths


def named_before(snapshot: Mapping[str, Any], previous: Mapping[str, Any]) -> Iterator[str]:
    """Yield every place, dotted, at which `snapshot` differs from the values named before."""
    for name, value in previous.items():
        inside = snapshot.get(name)
        if isinstance(value, Mapping) and isinstance(inside, Mapping):
            yield from (f"{name}.{place}" for place in named_before(inside, value))
        elif inside != value:
            yield name
