"""The breaker's life: closed, open, one probe, twice as long; gone with Redis."""

import time

import pytest
import redis

from sync.delivery.breaker import Admission, Breaker, Terms

SHORT = Terms(failures=5, open_s=0.3, longest_s=1.0, probe_s=0.5)


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def breaker(client: redis.Redis) -> Breaker:
    return Breaker(client, "p", SHORT)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.report(Admission(), ok=False)


def probe(breaker: Breaker) -> Admission:
    """Wait until the breaker lets one through."""
    while (admission := breaker.admit()).wait_s:
        time.sleep(admission.wait_s)
    return admission


@pytest.mark.parametrize(("failures", "is_open"), [(4, False), (5, True)])
def test_it_opens_with_the_fifth_failure_on_end(
    breaker: Breaker, failures: int, is_open: bool
) -> None:
    fail(breaker, failures)

    assert (breaker.admit().wait_s > 0) == is_open


def test_a_success_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 4)
    breaker.report(breaker.admit(), ok=True)
    fail(breaker, 4)

    assert breaker.admit() == Admission()


def test_it_is_open_for_everybody(breaker: Breaker, client: redis.Redis) -> None:
    fail(breaker, 5)

    assert Breaker(client, "p", SHORT).admit().wait_s > 0
    assert Breaker(client, "other", SHORT).admit() == Admission()


def test_one_probe_goes_through_and_nobody_else(breaker: Breaker) -> None:
    fail(breaker, 5)
    assert 0.2 < breaker.admit().wait_s <= 0.3
    assert probe(breaker).is_probe

    assert 0.4 < breaker.admit().wait_s <= 0.5


def test_a_probe_that_succeeds_closes_it(breaker: Breaker) -> None:
    fail(breaker, 5)
    breaker.report(probe(breaker), ok=True)

    assert breaker.admit() == Admission()


def test_each_probe_that_fails_doubles_the_wait_up_to_the_longest(breaker: Breaker) -> None:
    fail(breaker, 5)
    waits = []
    for _ in range(3):
        breaker.report(probe(breaker), ok=False)
        waits.append(round(breaker.admit().wait_s, 1))

    assert waits == [0.6, 1.0, 1.0]


def test_a_call_that_was_under_way_changes_nothing_about_an_open_one(breaker: Breaker) -> None:
    fail(breaker, 5)
    waits = breaker.admit().wait_s
    breaker.report(Admission(), ok=True)
    fail(breaker, 3)

    assert 0 < breaker.admit().wait_s <= waits


def test_a_probe_that_died_is_followed_by_another(breaker: Breaker) -> None:
    fail(breaker, 5)
    assert probe(breaker).is_probe

    assert probe(breaker).is_probe


def test_a_wiped_redis_closes_it(breaker: Breaker, client: redis.Redis) -> None:
    fail(breaker, 5)
    client.flushdb()

    assert breaker.admit() == Admission()


def test_without_redis_it_is_closed() -> None:
    breaker = Breaker(redis.Redis.from_url("redis://127.0.0.1:9"), "p")
    fail(breaker, 9)

    assert breaker.admit() == Admission()
