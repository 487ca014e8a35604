"""RQ workers, one queue each, and the process that keeps them running.

One queue per worker: with several, RQ falls back to BLPOP, which can lose a job. SimpleWorker:
it runs jobs in its own process, answers in milliseconds, and finishes its job on SIGTERM.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from rq import Queue, SimpleWorker

from app.doorbell import EFFECTS, EVENTS, connect
from workers.context import current

log = structlog.get_logger(__name__)

_WORKER_TTL_S = 90
_MAINTENANCE_S = 300
_REDIS_TIMEOUT_S = 10
_RESTART_AFTER_S = 1.0
_STOP_WITHIN_S = 25.0
# What follows from events can wait some milliseconds; that they are mirrored cannot.
_AFTER_EVENTS = 10


SUPERVISED = "supervised"


def work(queue: str, *, supervised: bool = False) -> int:
    """Work on `queue` until SIGTERM, or, when `supervised`, until standard input ends."""
    context = current()
    client = connect(context.settings.redis_url, timeout_s=_REDIS_TIMEOUT_S)
    worker = SimpleWorker(
        [Queue(queue, connection=client, serializer="json")],
        connection=client,
        serializer="json",
        worker_ttl=_WORKER_TTL_S,
        maintenance_interval=_MAINTENANCE_S,
        log_job_description=False,
    )
    if supervised:
        _stop_when_orphaned()
    if queue != EVENTS:
        os.nice(_AFTER_EVENTS)
    _ring_for_what_waits(queue)
    worker.work(logging_level="WARNING")
    return 0


def _ring_for_what_waits(queue: str) -> None:
    """Start with what came while no worker was there: its ring may be long gone."""
    context = current()
    if queue == EVENTS:
        for lane in range(context.settings.lanes):
            context.doorbell.ring_events(lane)
    elif queue == EFFECTS:
        context.doorbell.ring_effects()
    else:
        context.doorbell.ring_reads()


def _stop_when_orphaned() -> None:
    """Ask ourselves to stop once our standard input ends, as it does with our parent."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="orphan-watch").start()


@dataclass(slots=True)
class Supervisor:
    """Runs one child per entry of `queues`, and starts a new one for each that dies."""

    queues: Sequence[str]
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Keep the children running until SIGTERM or SIGINT, then let them finish."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: self._stop.set())
        children = [_start(queue) for queue in self.queues]
        while not self._stop.wait(_RESTART_AFTER_S):
            children = [_revive(q, c) for q, c in zip(self.queues, children, strict=True)]
        return _finish(children)


def _start(queue: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "workers", queue, SUPERVISED]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 — our own interpreter and words


def _revive(queue: str, child: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    if child.poll() is None:
        return child
    log.warning("worker.died", queue=queue, code=child.returncode)
    _let_go(child)
    return _start(queue)


def _finish(children: Sequence[subprocess.Popen[bytes]]) -> int:
    """Let every child end its job: closing its input is the sign. Kill what does not end.

    No signal is sent: on Heroku each child gets SIGTERM by itself, and a second one would
    make RQ drop the job it is in.
    """
    deadline = time.monotonic() + _STOP_WITHIN_S
    for child in children:
        _let_go(child)
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("worker.killed", pid=child.pid)
            child.kill()
            child.wait()
    return 0


def _let_go(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        child.stdin.close()
