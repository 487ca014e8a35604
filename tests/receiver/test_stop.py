"""The process is stopped while deliveries wait for their commit."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.receiver.stripe_side import Door, encoded, event

pytestmark = pytest.mark.processes
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
_KEPT = "SELECT array_agg(event_id) FROM evergreen.inbox"


def test_deliveries_that_wait_for_their_commit_are_kept_and_answered(door: Door) -> None:
    events = [event() for _ in range(6)]
    with psycopg.connect(door.database_url) as conn, ThreadPoolExecutor(6) as pool:
        conn.execute("LOCK TABLE evergreen.inbox")
        answers = [pool.submit(door.deliver, encoded(each)) for each in events]
        _wait_for_the_first(door.database_url)
        time.sleep(0.5)  # the others are behind the first by then
        os.killpg(door.processes.pids()["web"], signal.SIGTERM)
        time.sleep(0.5)
        conn.rollback()
        answered = [each.result() for each in answers]

        assert answered == [(200, {"status": "stored"})] * 6
        kept = conn.execute(_KEPT).fetchone()
        assert kept is not None
        assert set(kept[0]) == {each["id"] for each in events}


def _wait_for_the_first(database_url: str) -> None:
    """Return when a delivery waits for the lock; within one transaction nobody would see it."""
    until = time.monotonic() + 5
    with psycopg.connect(database_url, autocommit=True) as conn:
        while conn.execute(_WAITING).fetchone() == (0,):
            assert time.monotonic() < until
            time.sleep(0.01)
