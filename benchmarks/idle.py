"""How long an event takes from its POST to its row in the mirror, while all else is idle."""

import random
import time
from collections.abc import Iterator

import psycopg

from benchmarks import events, load
from benchmarks.figures import Bar, Figure, percentile
from benchmarks.service import service
from benchmarks.stage import Stage
from sync.errors import Unavailable

_MIRRORED = "SELECT FROM stripe.invoices WHERE id = %s"
_LOOK_EVERY_S = 0.0002
_LOST_S = 15.0
_WARM = 10


def measure(stage: Stage) -> Iterator[Figure]:
    """Post one event, look for its row on another connection until it is there; then the next.

    Between two events there is a pause of 5 to 25 ms, so that they meet the worker at rest.
    """
    count = stage.scale.idle_events + _WARM
    with (
        service(stage) as running,
        load.line(running.group.port) as line,
        psycopg.connect(running.database_url, autocommit=True) as conn,
    ):
        waits_ms = [_post_and_wait(line, conn, *each) for each in events.invoices(count, "idle")]
    for share, bar_ms in ((0.5, 15), (0.95, 40)):
        yield Figure(
            f"POST to mirrored, idle, p{share * 100:.0f}",
            percentile(waits_ms[_WARM:], share),
            "ms",
            Bar("at most", bar_ms),
        )


def _post_and_wait(
    line: load.Line, conn: psycopg.Connection, invoice_id: str, body: bytes
) -> float:
    """Return the milliseconds from the first byte sent to the row seen."""
    (request,) = events.requests([body])
    time.sleep(random.uniform(0.005, 0.025))
    began = time.perf_counter()
    line.send(request)
    while (answer := line.read()) is None:
        pass
    while not conn.execute(_MIRRORED, [invoice_id], prepare=True).rowcount:
        if not answer[0] or time.perf_counter() - began > _LOST_S:
            raise Unavailable(f"{invoice_id} was not mirrored")
        time.sleep(_LOOK_EVERY_S)
    return (time.perf_counter() - began) * 1000
