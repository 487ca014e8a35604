"""Whole histories of one customer: a life, told from its start to its end."""

import heapq
import random
from collections.abc import Iterable
from datetime import UTC, datetime

from app.simulator.history import History, Story
from app.simulator.lives import LIVES
from app.simulator.shop import Scene, Shop
from app.simulator.world import World
from sync.errors import Malformed


def simulate(seed: int, life: str, *, start: datetime) -> History:
    """Tell one life (a name of `LIVES`) that begins at `start`, whole.

    The same arguments give the same history, byte for byte. Raises `Malformed` for a life
    that is not known and for a `start` without a time zone.
    """
    if life not in LIVES:
        raise Malformed(f"unknown life {life!r}; known: {', '.join(sorted(LIVES))}")
    world = World(f"{seed}:{life}", second(start))
    scene = Scene(world, Shop(world), random.Random(f"{seed}:{life}:customer"))
    play(world, [(world.now, _whole(scene, life))])
    return world.history()


def second(moment: datetime) -> int:
    """Return an aware moment as a whole Unix second; raise `Malformed` for a naive one."""
    if moment.tzinfo is None:
        raise Malformed(f"{moment.isoformat()} has no time zone")
    return int(moment.astimezone(UTC).timestamp())


def play(world: World, stories: Iterable[tuple[int, Story]], until: int | None = None) -> None:
    """Play stories side by side, each from its own second on.

    Nothing begins at or after `until`; what has begun by then is told whole, so an event may
    lie some seconds later. Without `until` every story is played to its end.
    """
    queue = [(at, number, story) for number, (at, story) in enumerate(stories)]
    heapq.heapify(queue)
    while queue and (until is None or queue[0][0] < until):
        at, number, story = heapq.heappop(queue)
        world.now = max(world.now, at)
        wakes_at = next(story, None)
        if wakes_at is not None:
            heapq.heappush(queue, (wakes_at, number, story))


def _whole(scene: Scene, life: str) -> Story:
    yield from LIVES[life](scene)
