"""`python -m workers`: a worker per queue. `python -m workers clock`: the clock process."""

import signal
import sys
import threading

from app.doorbell import EFFECTS, EVENTS, READS
from sync.errors import SettingsError
from workers import clock
from workers.context import current
from workers.queues import SUPERVISED, Supervisor, work


def main(arguments: list[str]) -> int:
    """Run what `arguments` name; return the exit code."""
    try:
        settings = current().settings
    except SettingsError as mistakes:
        sys.stderr.write(f"{mistakes}\n")
        return 2
    match arguments:
        case []:
            reading = [READS] if settings.stripe_api_key else []
            return Supervisor([EVENTS] * settings.lanes + [EFFECTS] + reading).run()
        case [queue, *rest] if queue in {EVENTS, EFFECTS, READS} and rest in ([], [SUPERVISED]):
            return work(queue, supervised=bool(rest))
        case ["clock"]:
            return _tick()
        case _:
            sys.stderr.write("usage: python -m workers [events | effects | reads | clock]\n")
            return 2


def _tick() -> int:
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    clock.run(current(), stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
