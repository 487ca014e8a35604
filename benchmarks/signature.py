"""What it costs to know that a 7 KB event is genuine, and what it is about."""

import time
from collections.abc import Iterator

from app.envelope import delivery
from app.signature import verify
from benchmarks import events
from benchmarks.figures import Bar, Figure
from benchmarks.stage import Stage

_CALLS = 2_000


def measure(stage: Stage) -> Iterator[Figure]:
    """Time `verify` and `delivery` on one body in this process; the best round counts.

    CPU time of this process, so that other work on the machine shows as little as it can.
    """
    (_, body), *_ = events.invoices(1, "signature")
    header = events.signature(body)
    best = min(_round(body, header) for _ in range(stage.scale.rounds))
    yield Figure(
        f"signature and envelope, {len(body) / 1000:.1f} KB", best * 1e6, "us", Bar("at most", 30)
    )


def _round(body: bytes, header: str) -> float:
    """Return the CPU seconds of one check."""
    secrets, now_s = (events.SECRET,), time.time()
    began = time.process_time()
    for _ in range(_CALLS):
        verify(body, header, secrets, now_s)
        delivery(body, None)
    return (time.process_time() - began) / _CALLS
