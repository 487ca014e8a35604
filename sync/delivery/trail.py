"""The calls made while a batch is delivered, for the log of attempts.

The engine listens in the thread that delivers; a `Client` notes every try, and begins none once
the time for the whole batch is up, so that a lease outlives it. Nobody has to pass anything on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One try at one call. `status` is None when no answer came.

    `may_have_left`: the other side may have done what it was asked, whatever a later try ends
    with.
    """

    status: int | None
    ms: int
    correlation_id: str | None = None
    may_have_left: bool = False


@dataclass(frozen=True, slots=True)
class _Hearing:
    calls: list[Call]
    until_s: float


_HEARING: ContextVar[_Hearing | None] = ContextVar("evergreen_calls", default=None)


@contextmanager
def listening(within_s: float) -> Iterator[list[Call]]:
    """Collect the calls of the block, in order; none shall begin after `within_s` seconds."""
    calls: list[Call] = []
    before = _HEARING.set(_Hearing(calls, time.monotonic() + within_s))
    try:
        yield calls
    finally:
        _HEARING.reset(before)


def note(call: Call) -> None:
    """Tell of one try; nobody need be listening."""
    if hearing := _HEARING.get():
        hearing.calls.append(call)


def is_time_up() -> bool:
    """Tell whether whoever listens wants no further call to begin."""
    hearing = _HEARING.get()
    return hearing is not None and time.monotonic() >= hearing.until_s
