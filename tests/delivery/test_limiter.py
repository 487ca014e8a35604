"""One quota for all processes; without Redis each keeps a careful pace of its own."""

import subprocess
import sys
import time
from itertools import pairwise

import pytest
import redis

from sync.delivery.limiter import Limiter

QUOTA, WINDOW_S, RUN_S = 50, 1, 4.0
CALLS = QUOTA * 9 // 10
HAND = """
import sys, time, redis
from sync.delivery.limiter import Limiter
url, calls, run_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
limiter = Limiter(redis.Redis.from_url(url), "p", calls=calls, window_s=1)
until = time.time() + run_s
while time.time() < until:
    wait_s = limiter.take()
    if wait_s:
        time.sleep(wait_s)
    else:
        print(time.time(), flush=False)
"""


def hands(redis_url: str, count: int) -> list[float]:
    """Return when processes that call as often as they may have called."""
    words = [sys.executable, "-c", HAND, redis_url, str(CALLS), str(RUN_S)]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    said = [hand.communicate(timeout=60)[0] for hand in running]
    return sorted(float(line) for each in said for line in each.split())


def worst_window(times: list[float]) -> int:
    return max(sum(at <= each < at + WINDOW_S for each in times) for at in times)


def test_processes_side_by_side_stay_within_the_quota_and_use_it(redis_url: str) -> None:
    times = hands(redis_url, 4)

    assert worst_window(times) <= QUOTA
    assert len(times) >= CALLS * RUN_S * 0.6


def test_a_full_window_says_how_long_to_wait(redis_url: str) -> None:
    limiter = Limiter(redis.Redis.from_url(redis_url), "p", calls=2, window_s=1)
    assert [limiter.take(), limiter.take()] == [0.0, 0.0]
    wait_s = limiter.take()
    assert 0 < wait_s <= 1
    time.sleep(1.1)

    assert limiter.take() == 0.0


def test_a_wiped_redis_begins_a_new_window(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    limiter = Limiter(client, "p", calls=1, window_s=60)
    assert limiter.take() == 0.0
    assert limiter.take() > 0
    client.flushdb()

    assert limiter.take() == 0.0


@pytest.mark.timeout(20)
def test_without_redis_a_quarter_of_the_quota_goes_on() -> None:
    limiter = Limiter(redis.Redis.from_url("redis://127.0.0.1:9"), "p", calls=40, window_s=1)
    times: list[float] = []
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        if wait_s := limiter.take():
            time.sleep(wait_s)
        else:
            times.append(time.monotonic())

    assert len(times) > 5
    assert min(b - a for a, b in pairwise(times)) >= 0.099
