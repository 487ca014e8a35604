"""Stripe as the receiver meets it: signed events, and strangers that only pretend."""

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests
from psycopg.rows import dict_row

from app.local.ports import LOOPBACK, free_port
from app.local.processes import PROCFILE, ProcessGroup, parse_procfile

NEWEST, OLDER, FOREIGN = "whsec_newest_of_the_two", "whsec_older_of_the_two", "whsec_of_others"
PATH = "/webhooks/stripe"
NUMBERS = count(1)
UP_WITHIN_S = 30


def event(**fields: Any) -> dict[str, Any]:
    """Return an event as Stripe sends it, with an id of its own."""
    number = next(NUMBERS)
    return {
        "id": f"evt_{number}_{time.time_ns()}",
        "object": "event",
        "type": "invoice.paid",
        "created": 1_780_000_000,
        "livemode": False,
        "api_version": "2026-01-28.clover",
        "data": {"object": {"id": f"in_{number}", "object": "invoice"}},
        **fields,
    }


def encoded(what: Any) -> bytes:
    return json.dumps(what, indent=2).encode()


def mac(body: bytes, timestamp: int | str, secret: str = NEWEST) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def signature(body: bytes, secret: str = NEWEST, *, at: float | None = None) -> str:
    """Return the header Stripe would send now, or would have sent `at`."""
    timestamp = int(time.time() if at is None else at)
    return f"t={timestamp},v1={mac(body, timestamp, secret)}"


@dataclass(frozen=True, slots=True)
class Door:
    """A running web process, its database and what it has logged."""

    port: int
    database_url: str
    redis_url: str
    processes: ProcessGroup
    log: Path

    @property
    def url(self) -> str:
        """Where the webhook is."""
        return f"http://{LOOPBACK}:{self.port}{PATH}"

    def deliver(
        self, body: bytes, header: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str]]:
        """Post `body`, signed unless a `header` is given; return status and answer."""
        headers["Stripe-Signature"] = signature(body) if header is None else header
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = requests.post(self.url, data=body, headers=named, timeout=30)
        return response.status_code, response.json()

    def row(self, **wanted: object) -> dict[str, Any]:
        """Return the one inbox row with these values."""
        conditions = " AND ".join(f"{column} = %({column})s" for column in wanted)
        return self.one(f"SELECT * FROM evergreen.inbox WHERE {conditions}", wanted)

    def one(self, query: str, parameters: Mapping[str, object]) -> dict[str, Any]:
        """Return the only row of a query."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as conn:
            [row] = conn.execute(query, parameters)
        return dict(row)

    def logged(self) -> str:
        """Return all that the process has logged."""
        return self.log.read_text()

    @contextmanager
    def line(self) -> Iterator[socket.socket]:
        """Open a connection, to say what no client library would."""
        with socket.create_connection((LOOPBACK, self.port), timeout=30) as line:
            yield line

    def say(self, *parts: bytes, end: bool = False) -> tuple[int, bytes]:
        """Send bytes as they are; return status and body of the answer."""
        with self.line() as line:
            for part in parts:
                line.sendall(part)
            if end:
                line.shutdown(socket.SHUT_WR)
            return answer(line)

    def healthy(self) -> bool:
        """Tell whether the process answers."""
        try:
            return requests.get(f"http://{LOOPBACK}:{self.port}/healthz", timeout=5).ok
        except requests.RequestException:
            return False


def answer(line: socket.socket) -> tuple[int, bytes]:
    """Read one answer; (0, b"") when the line is closed without one."""
    stream = line.makefile("rb")
    first = stream.readline()
    if not first:
        return 0, b""
    length = 0
    while (header := stream.readline().strip().lower()) != b"":
        if header.startswith(b"content-length:"):
            length = int(header.partition(b":")[2])
    return int(first.split()[1]), stream.read(length)


def head(*lines: str, method: str = "POST") -> bytes:
    """Return the head of a request to the webhook."""
    first = f"{method} {PATH} HTTP/1.1"
    return "\r\n".join([first, "Host: shop.example", *lines, "", ""]).encode("latin-1")


@contextmanager
def open_door(state: Path, database_url: str, redis_url: str, **settings: str) -> Iterator[Door]:
    """Run the Procfile's own web command until the context ends."""
    port = free_port()
    environ = {
        "PATH": "/usr/bin:/bin",
        "PORT": str(port),
        "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{port}",
        "WEB_CONCURRENCY": "1",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRETS": f"{NEWEST},{OLDER}",
        **settings,
    }
    commands = parse_procfile(PROCFILE.read_text())
    with ProcessGroup(commands, environ, state) as processes:
        processes.start("web")
        door = Door(port, database_url, redis_url, processes, state / "logs" / "web.log")
        until = time.monotonic() + UP_WITHIN_S
        while not door.healthy() and time.monotonic() < until:
            assert processes.death() is None, processes.death()
            time.sleep(0.05)
        yield door


def queued(redis_url: str, queue: str = "events") -> int:
    """Return how many jobs wait."""
    with redis.Redis.from_url(redis_url) as client:
        return int(client.llen(f"rq:queue:{queue}"))
