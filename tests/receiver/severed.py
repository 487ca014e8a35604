"""A line to PostgreSQL that is cut between a statement and its answer."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.engine import make_url

from app.local.ports import LOOPBACK


@contextmanager
def severed(database_url: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield a URL that leads to the same database, and what cuts a line at its next answer."""
    url = make_url(database_url)
    cut = threading.Event()
    with socket.create_server((LOOPBACK, 0)) as server:
        threading.Thread(target=_accept, args=(server, (url.host, url.port), cut)).start()
        through = url.set(host=LOOPBACK, port=server.getsockname()[1])
        try:
            yield through.render_as_string(hide_password=False), cut.set
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _accept(
    server: socket.socket, database: tuple[str | None, int | None], cut: threading.Event
) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:
            return
        far = socket.create_connection((database[0] or LOOPBACK, database[1] or 5432))
        threading.Thread(target=_pass_on, args=(near, far, None)).start()
        threading.Thread(target=_pass_on, args=(far, near, cut)).start()


def _pass_on(source: socket.socket, target: socket.socket, cut: threading.Event | None) -> None:
    """Hand bytes on until either end closes, or until the first ones after the `cut`."""
    with source, target:
        try:
            while chunk := source.recv(65_536):
                if cut and cut.is_set():
                    cut.clear()
                    break
                target.sendall(chunk)
            target.shutdown(socket.SHUT_RDWR)
            source.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other direction has closed both
