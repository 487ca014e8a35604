"""A provider on a real socket that answers as it is told, or misbehaves below HTTP."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Act = Callable[[socket.socket], None]


def answer(status: int = 200, body: bytes = b'{"ok":true}', **headers: str) -> Act:
    """Answer properly; a header's `_` stands for `-`."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    said = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda sock: sock.sendall(said)


def cut(sock: socket.socket) -> None:
    """End the connection without a word."""
    sock.shutdown(socket.SHUT_RDWR)


def drip(piece: bytes, head: bytes = b"") -> Act:
    """Answer a byte at a time, for as long as somebody listens."""

    def act(sock: socket.socket) -> None:
        with suppress(OSError):
            sock.sendall(head)
            while True:
                sock.sendall(piece)
                time.sleep(0.05)

    return act


def stall(seconds: float) -> Act:
    return lambda _sock: time.sleep(seconds)


@dataclass
class Provider:
    """Acts by `acts`, one after the other and the last for ever; keeps the requests it got."""

    url: str = ""
    acts: list[Act] = field(default_factory=lambda: [answer()])
    got: list[bytes] = field(default_factory=list)

    def serve(self, sock: socket.socket) -> None:
        """Keep the request, then act."""
        with sock:
            self.got.append(_request(sock))
            self.acts[min(len(self.got), len(self.acts)) - 1](sock)


def _request(sock: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().splitlines() if line.startswith(b"content-length:")]
    size = int(sizes[0].partition(b":")[2]) if sizes else 0
    while len(body) < size:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def providing(*acts: Act) -> Iterator[Provider]:
    """Run a provider until the end of the block."""
    provider = Provider(acts=list(acts) or [answer()])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        provider.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=_accept, args=(listening, provider), daemon=True)
        thread.start()
        yield provider


def _accept(listening: socket.socket, provider: Provider) -> None:
    with suppress(OSError):
        while True:
            sock, _ = listening.accept()
            threading.Thread(target=provider.serve, args=(sock,), daemon=True).start()
