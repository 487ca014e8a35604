"""The load generator: a process of its own that costs little, so that the rest is the server's.

`python -m benchmarks.load PORT CONNECTIONS FILE` sends the requests in FILE over so many
connections that stay open, each with one request under way, and prints what it saw.
"""

import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from app.local.ports import LOOPBACK
from sync.errors import Unavailable

_TIMEOUT_S = 30
_CHUNK = 65_536


class Seen(msgspec.Struct):
    """What came back: how long each answer took, and when, in epoch seconds, all began."""

    began_at: float
    took_s: float
    latencies_ms: list[float]
    not_ok: int


class Line:
    """One connection; a request goes out, its answer is read until it is whole."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=_TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send one request."""
        self._answer, self._sent_at = b"", time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> tuple[bool, float] | None:
        """Read what there is; return (was it 200, milliseconds) once the answer is whole."""
        got = self.socket.recv(_CHUNK)
        if not got:
            raise Unavailable("the server hung up")
        self._answer += got
        if not _is_whole(self._answer):
            return None
        ok = self._answer.startswith(b"HTTP/1.1 200")
        return ok, (time.perf_counter() - self._sent_at) * 1000


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(length.split(b"\r\n", 1)[0] or 0)


@contextmanager
def line(port: int) -> Iterator[Line]:
    """Open a connection for as long as the block runs."""
    opened = Line(port)
    try:
        yield opened
    finally:
        opened.socket.close()


def send_all(port: int, connections: int, requests: Sequence[bytes]) -> Seen:
    """Send every request once, and return what came back."""
    waiting = iter(requests)
    answers: list[tuple[bool, float]] = []
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        lines = [opened.enter_context(line(port)) for _ in range(connections)]
        began_at, began = time.time(), time.perf_counter()
        for each, first in zip(lines, waiting, strict=False):
            selector.register(each.socket, selectors.EVENT_READ, each)
            each.send(first)
        while len(answers) < len(requests):
            ready = selector.select(_TIMEOUT_S)
            if not ready:
                raise Unavailable("no answer")
            for key, _ in ready:
                if (answer := key.data.read()) is None:
                    continue
                answers.append(answer)
                if (request := next(waiting, None)) is not None:
                    key.data.send(request)
        took_s = time.perf_counter() - began
    not_ok = sum(not ok for ok, _ in answers)
    return Seen(began_at, took_s, [latency for _, latency in answers], not_ok)


def run(port: int, connections: int, requests: Sequence[bytes]) -> Seen:
    """Do `send_all` in a process of its own; raises `Unavailable` when it fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requests")
        file.write_bytes(msgspec.msgpack.encode(requests))
        command = [sys.executable, "-m", __name__, str(port), str(connections), str(file)]
        # Its own session: Ctrl-C is for us, and what we started ends with us.
        with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
            try:
                out, _ = process.communicate()
            finally:
                process.kill()
    if process.returncode:
        raise Unavailable("the load generator failed")
    return msgspec.json.decode(out, type=Seen)


def main(port: str, connections: str, file: str) -> None:
    """Read the requests, send them, print what was seen."""
    requests = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[bytes])
    seen = send_all(int(port), int(connections), requests)
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
