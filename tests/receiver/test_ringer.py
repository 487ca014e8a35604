"""The thread that rings for the requests."""

import threading
import time
from collections.abc import Callable

import redis
from rq import Queue

from app.doorbell import DRAIN, EVENTS, Doorbell, connect
from app.ringer import Ringer


def waits_until(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + 2
    while not holds() and time.monotonic() < until:
        time.sleep(0.002)
    return holds()


def waiting(client: redis.Redis) -> list[tuple[str | None, list[int]]]:
    jobs = Queue(EVENTS, connection=client, serializer="json").jobs
    return sorted((job.func_name, list(job.args)) for job in jobs)


def test_every_lane_that_has_news_is_rung_for_once(redis_url: str) -> None:
    with connect(redis_url) as client:
        ringer = Ringer(Doorbell(client))
        for _ in range(50):
            ringer.ring_events(0)
            ringer.ring_events(3)

        assert waits_until(lambda: len(waiting(client)) == 2)
        assert waiting(client) == [(DRAIN, [0]), (DRAIN, [3])]


def test_news_after_the_worker_has_answered_ring_anew(redis_url: str) -> None:
    with connect(redis_url) as client:
        bell = Doorbell(client)
        ringer = Ringer(bell)
        for number in (1, 2, 3):
            ringer.ring_events(0)
            assert waits_until(lambda wanted=number: len(waiting(client)) == wanted)  # type: ignore[misc]
            bell.answer(f"{EVENTS}:0")


def test_a_burst_costs_redis_little_and_its_last_event_is_rung_for(redis_url: str) -> None:
    with connect(redis_url) as client:
        bell = Doorbell(client)
        ringer = Ringer(bell)
        before = client.info("stats")["total_commands_processed"]

        def burst() -> None:
            for _ in range(5000):
                ringer.ring_events(0)

        threads = [threading.Thread(target=burst) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        used = client.info("stats")["total_commands_processed"] - before
        waits_until(lambda: not ringer._lanes)
        bell.answer(f"{EVENTS}:0")
        jobs = len(waiting(client))
        ringer.ring_events(0)

        assert used < 2000, "far fewer than one for each of 20,000"
        assert waits_until(lambda: len(waiting(client)) == jobs + 1)
