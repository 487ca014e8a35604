"""One way out for everything that serves until it is told to stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TOLD_TO_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody told us to stop; not an `Exception`, so that nobody takes it for a failure."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Leave the context at the first Ctrl-C, SIGTERM or hang-up, with everything closed.

    What comes while it closes is ignored: a second Ctrl-C must not leave servers behind.
    """
    before = {number: signal.signal(number, _interrupt) for number in TOLD_TO_STOP}
    try:
        yield
    except Interrupted:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in TOLD_TO_STOP:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted
