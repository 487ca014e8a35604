"""Clients that are slow, on purpose or not, do not keep the others out."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from app.body import DEADLINE_S
from app.local.ports import LOOPBACK
from app.patience import PATIENCE_S, SLOW_AT_A_TIME
from tests.receiver.stripe_side import Door, answer, encoded, event, head, signature

pytestmark = pytest.mark.processes
THREADS = 8
AT_ONCE_S = 1.0


def served_within(door: Door) -> float:
    begun = time.monotonic()
    assert door.deliver(encoded(event()))[0] == 200
    return time.monotonic() - begun


def test_clients_that_drip_are_cut_off_and_hold_up_nobody(door: Door) -> None:
    """Half of them stop within the head of their request, half within its body."""
    with ExitStack() as lines:
        dripping = [lines.enter_context(door.line()) for _ in range(THREADS + 2)]
        begun = time.monotonic()
        for number, line in enumerate(dripping):
            said = head("Content-Length: 1000")
            line.sendall(said + b"{" if number % 2 else said[:-9])
        time.sleep(PATIENCE_S + 0.5)
        served_s = [served_within(door) for _ in range(3)]
        ends_s = []
        for line in dripping:
            assert answer(line) == (0, b"")
            ends_s.append(time.monotonic() - begun)

    assert max(served_s) < AT_ONCE_S
    assert DEADLINE_S - 0.5 < max(ends_s) < DEADLINE_S + 2
    assert '"reason": "too_slow"' in door.logged()


@pytest.mark.parametrize("said", [b"", b"{"], ids=["in-the-head", "in-the-body"])
def test_only_a_few_may_be_slow_at_a_time(door: Door, said: bytes) -> None:
    with ExitStack() as lines:
        dripping = [lines.enter_context(door.line()) for _ in range(SLOW_AT_A_TIME + 1)]
        for line in dripping:
            announced = head("Content-Length: 1000")
            line.sendall(announced + said if said else announced[:-9])
        time.sleep(PATIENCE_S + 1)
        for line in dripping:
            line.setblocking(False)
        ended = sum(_has_ended(line) for line in dripping)

    assert ended == 1


def _has_ended(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_slow_body_that_arrives_in_time_is_taken(door: Door) -> None:
    body = encoded(event())
    with door.line() as line:
        announced = head(f"Stripe-Signature: {signature(body)}", f"Content-Length: {len(body)}")
        line.sendall(announced + body[:10])
        time.sleep(PATIENCE_S + 0.5)
        line.sendall(body[10:])

        assert answer(line) == (200, b'{"status": "stored"}')


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"no http\r\n\r\n", id="malformed"),
        pytest.param(head("Content-Length: 999999999"), id="body-refused"),
        pytest.param(head("Connection: close", "Content-Length: 0"), id="last-request"),
    ],
)
def test_clients_that_keep_their_end_open_hold_up_nobody(door: Door, said: bytes) -> None:
    with ExitStack() as lines:
        for _ in range(THREADS + 2):
            lines.enter_context(door.line()).sendall(said)

        assert served_within(door) < AT_ONCE_S


def test_clients_that_stay_connected_after_their_answer_hold_up_nobody(door: Door) -> None:
    with ExitStack() as lines:
        for _ in range(THREADS + 2):
            line = lines.enter_context(door.line())
            line.sendall(head("Content-Length: 0"))
            assert answer(line)[0] == 400

        assert served_within(door) < AT_ONCE_S


def test_a_client_that_does_not_read_its_answers_is_cut_off(door: Door) -> None:
    """Its answers pile up until the next one would have to wait for it, and a thread with it."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(5)
        line.connect((LOOPBACK, door.port))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            _ask_for_ever(line)


def _ask_for_ever(line: socket.socket) -> None:
    while True:
        line.sendall(head("Content-Length: 0") * 100)


def test_clients_that_always_have_a_next_request_leave_room_for_others(door: Door) -> None:
    requests_ = head("Content-Length: 0") * 2000
    with ExitStack() as lines, ThreadPoolExecutor(THREADS) as pool:
        busy = [lines.enter_context(door.line()) for _ in range(THREADS)]
        read = [pool.submit(_read_all, line) for line in busy]
        for line in busy:
            line.sendall(requests_)
            line.shutdown(socket.SHUT_WR)
        served_s = [served_within(door) for _ in range(3)]
        were_busy = not any(each.done() for each in read)

    assert max(served_s) < AT_ONCE_S
    assert were_busy


def _read_all(line: socket.socket) -> None:
    while line.recv(65_536):
        pass


def test_a_request_in_flight_is_finished_at_the_stop(door: Door) -> None:
    """Comes last: it stops the process of this module."""
    sent = event()
    body = encoded(sent)
    with door.line() as line:
        announced = head(f"Stripe-Signature: {signature(body)}", f"Content-Length: {len(body)}")
        line.sendall(announced + body[:10])
        time.sleep(0.3)
        os.killpg(door.processes.pids()["web"], signal.SIGTERM)  # to all of them, as Heroku does
        time.sleep(0.5)
        line.sendall(body[10:])

        assert answer(line) == (200, b'{"status": "stored"}')

    assert door.row(event_id=sent["id"])["payload"] == body
    with pytest.raises(requests.ConnectionError):
        door.deliver(body)
