"""The simulated clock: stands still, goes forward only, and is the same for everybody."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from sync import clock
from sync.clock import RealClock, SimulatedClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_until_it_is_set_it_tells_the_real_time(engine: Engine) -> None:
    before = RealClock().now()
    told = SimulatedClock(engine).now()

    assert before <= told <= RealClock().now()
    with engine.connect() as conn:
        assert clock.reading(conn) is None


def test_it_stands_where_it_was_started(engine: Engine) -> None:
    with engine.begin() as conn:
        clock.start(conn, NOON)
        clock.start(conn, NOON + HOUR)

    assert SimulatedClock(engine).now() == NOON


def test_it_walks_to_its_target_and_never_back(engine: Engine) -> None:
    with engine.begin() as conn:
        clock.start(conn, NOON)
        clock.aim(conn, NOON + HOUR)
        aimed = clock.reading(conn)
        clock.step(conn, NOON + HOUR)
        clock.step(conn, NOON)
        clock.aim(conn, NOON)
        stood = clock.reading(conn)

    assert aimed
    assert not aimed.arrived
    assert stood == clock.Reading(NOON + HOUR, NOON + HOUR)
    assert stood.arrived
