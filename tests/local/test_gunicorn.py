"""gunicorn.conf.py, in a real gunicorn."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from app.edge_worker import HEAD_S
from app.local.ports import LOOPBACK, free_port
from app.local.processes import ProcessGroup

pytestmark = pytest.mark.processes
COMMAND = "gunicorn tests.local.plain_app:app"
FIELD_BYTES = 8190
THREADS = 8
CANARY = "whsec_canary"


@pytest.fixture
def web(state: Path) -> Iterator[ProcessGroup]:
    environ = {"PATH": os.defpath, "PORT": str(free_port()), "WEB_CONCURRENCY": "1"}
    with ProcessGroup({"web": COMMAND}, environ, state) as processes:
        processes.start("web")
        until = time.monotonic() + 20
        while not answers(processes) and time.monotonic() < until:
            time.sleep(0.05)
        yield processes


def port(web: ProcessGroup) -> int:
    return int(web.environ["PORT"])


def answers(web: ProcessGroup) -> bool:
    try:
        return get(web).ok
    except requests.ConnectionError:
        return False


def get(web: ProcessGroup, **headers: str) -> requests.Response:
    return requests.get(f"http://{LOOPBACK}:{port(web)}/", headers=headers, timeout=10)


def send(web: ProcessGroup, head: str) -> str:
    """Return the first line of the answer to a request as it stands."""
    with socket.create_connection((LOOPBACK, port(web)), timeout=10) as line:
        line.sendall(head.encode())
        return line.recv(1000).decode().splitlines()[0]


@pytest.mark.parametrize(
    ("size", "status"),
    [
        pytest.param(FIELD_BYTES - len("X: \r\n") - 2, 200, id="just-fits"),
        pytest.param(FIELD_BYTES + 1, 431, id="too-long"),
    ],
)
def test_length_of_a_header_field(web: ProcessGroup, size: int, status: int) -> None:
    assert get(web, X="x" * size).status_code == status


@pytest.mark.parametrize(
    ("fields", "status"),
    [pytest.param(99, "200", id="just-fit"), pytest.param(101, "431", id="too-many")],
)
def test_number_of_header_fields(web: ProcessGroup, fields: int, status: str) -> None:
    lines = ["Host: x", *(f"X-{number}: 1" for number in range(fields - 1))]

    assert status in send(web, "GET / HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(f"GET / HTTP/1.1\r\nHost: x\r\n{CANARY} bad\r\n\r\n", id="header"),
        pytest.param(f"{CANARY} / HTTP/9.9\r\n\r\n", id="request-line"),
    ],
)
def test_the_log_does_not_hold_what_a_stranger_sent(
    web: ProcessGroup, state: Path, head: str
) -> None:
    answer = send(web, head)
    time.sleep(0.2)

    log = (state / "logs" / "web.log").read_text()
    assert "400" in answer
    assert CANARY not in log
    assert "request.malformed" in log


def test_clients_that_send_nothing_do_not_hold_up_others(web: ProcessGroup) -> None:
    with silent_clients(web, 20, b""):
        begun = time.monotonic()
        answer = get(web)

    assert answer.ok
    assert time.monotonic() - begun < 2


def test_clients_that_stop_within_the_head_are_cut_off(web: ProcessGroup) -> None:
    with silent_clients(web, THREADS, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") as lines:
        begun = time.monotonic()
        answer = requests.get(f"http://{LOOPBACK}:{port(web)}/", timeout=60)
        waited_s = time.monotonic() - begun
        ends = [line.recv(1) for line in lines]

    assert answer.ok
    assert waited_s < HEAD_S + 2
    assert ends == [b""] * THREADS


@contextmanager
def silent_clients(web: ProcessGroup, number: int, said: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that say the same and then nothing."""
    with ExitStack() as lines:
        clients = [
            lines.enter_context(socket.create_connection((LOOPBACK, port(web)), timeout=60))
            for _ in range(number)
        ]
        for client in clients:
            client.sendall(said)
        yield clients


def test_a_kept_connection_does_not_delay_the_stop(web: ProcessGroup) -> None:
    with requests.Session() as session:
        session.get(f"http://{LOOPBACK}:{port(web)}/", timeout=10)
        begun = time.monotonic()
        web.__exit__(None, None, None)

    assert time.monotonic() - begun < 5


def test_workers_follow_the_platform_and_nothing_is_left_in_the_home(web: ProcessGroup) -> None:
    master = psutil.Process(web.pids()["web"])

    assert len(master.children()) == 1
    assert not [path for path in Path.home().glob(".gunicorn/*") if path.is_socket()]
