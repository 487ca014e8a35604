"""The Procfile's own commands, run as processes against a test's servers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests
from sqlalchemy import Engine, text

from app.local.ports import free_port
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile
from app.simulator.history import Json
from app.simulator.post import Poster, poster

SECRET = "whsec_for_tests_only"


@dataclass(frozen=True, slots=True)
class Service:
    """What runs, and how to reach it."""

    base_url: str
    processes: ProcessGroup
    stripe: Poster

    def post(self, event: Json) -> int:
        """Deliver one signed event, at the real time."""
        return self.stripe.post(event, int(time.time()))

    def workers_of(self, name: str) -> list[psutil.Process]:
        """Return the processes that do the work of a process type: its leaves."""
        family = psutil.Process(self.processes.pids()[name]).children(recursive=True)
        return [process for process in family if not process.children()]


@contextmanager
def running(state: Path, environ: dict[str, str], *types: str) -> Iterator[Service]:
    """Run process `types` of the Procfile until the context ends."""
    port = free_port()
    composed = {
        "PORT": str(port),
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "SECRET_KEY": "links-in-tests",
        "MAIL_FROM": "Shop <billing@shop.example>",
        "SHOP_URL": "https://shop.example/back",
        "POSTAL_ADDRESS": "Shop, 1 Road, Town",
        "PUBLIC_URL": "https://billing.shop.example",
        "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
        **environ,
    }
    base_url = f"http://127.0.0.1:{port}"
    commands = parse_procfile(PROCFILE.read_text())
    with (
        ProcessGroup(commands, composed, state) as group,
        poster(f"{base_url}/webhooks/stripe", SECRET) as stripe,
    ):
        group.run_to_end("release")
        group.start(*types)
        wait_until(lambda: _is_ready(base_url, group), within_s=30)
        yield Service(base_url, group, stripe)


def wait_until(true: Callable[[], bool], *, within_s: float) -> float:
    """Return after how many seconds it was true; fail when it never was."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def _is_ready(base_url: str, group: ProcessGroup) -> bool:
    assert group.death() is None, str(group.death())
    try:
        return requests.get(f"{base_url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def scalar(engine: Engine, query: str) -> object:
    """Return the one value that `query` finds."""
    with engine.connect() as conn:
        return conn.execute(text(query)).scalar_one()


def all_quiet(engine: Engine) -> bool:
    """Tell whether every event is done and no effect that is due is open."""
    waiting = "SELECT count(*) FROM evergreen.inbox WHERE state = 'pending'"
    moving = """
        SELECT count(*) FROM evergreen.outbox
        WHERE state IN ('leased', 'sending') OR (state = 'pending' AND due_at <= now())
    """
    return scalar(engine, waiting) == 0 and scalar(engine, moving) == 0
