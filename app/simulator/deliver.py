"""Delivering many events, at a rate and over several connections."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue

from app.simulator.history import Json
from app.simulator.post import Poster, poster
from sync.errors import Unavailable

NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where events go, and how fast: `rate_per_s` None means as fast as they are taken.

    With a `concurrency` of one they arrive in the order given.
    """

    url: str
    secret: str
    rate_per_s: float | None = None
    concurrency: int = 1


def deliver(events: Sequence[Json], target: Target) -> Iterator[str]:
    """Post every event once; yield each outcome: the HTTP status, or `NO_ANSWER`.

    Outcomes come in the order of `events`, as posting goes on. Signatures carry real time.
    """
    began = time.monotonic()
    free: SimpleQueue[Poster] = SimpleQueue()

    def post(place: int) -> str:
        if target.rate_per_s:
            due = began + place / target.rate_per_s
            time.sleep(max(0.0, due - time.monotonic()))
        connection = free.get()
        try:
            return str(connection.post(events[place], int(time.time())))
        except Unavailable:
            return NO_ANSWER
        finally:
            free.put(connection)

    with ExitStack() as open_now, ThreadPoolExecutor(target.concurrency) as threads:
        for _ in range(target.concurrency):
            free.put(open_now.enter_context(poster(target.url, target.secret)))
        yield from threads.map(post, range(len(events)))
