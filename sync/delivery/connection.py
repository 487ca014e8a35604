"""Connections that end on time and, where asked, lead to no private network.

A timeout of `requests` bounds one wait only: who answers a byte at a time could hold us for
ever. So a timer cuts the connection when the call's time is up, at whatever step it is.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class PrivateAddress(OSError):
    """The name leads into a private network; nothing was sent."""


@dataclass(slots=True)
class Line:
    """One call's connection, as soon as there is one; `is_cut` once its time was up."""

    public_only: bool
    # A second handle on it: shutting it down wakes whoever waits at the first.
    handle: socket.socket | None = None
    is_cut: bool = False

    def cut(self) -> None:
        """End the connection, whatever it is in the middle of."""
        self.is_cut = True
        if self.handle is not None:
            with suppress(OSError):
                self.handle.shutdown(socket.SHUT_RDWR)


_LINE: ContextVar[Line | None] = ContextVar("evergreen_line", default=None)


@contextmanager
def on_the_line(within_s: float, *, public_only: bool) -> Iterator[Line]:
    """Bound all that the block does over our connections to `within_s` seconds."""
    line = Line(public_only)
    timer = threading.Timer(within_s, line.cut)
    timer.daemon = True
    before = _LINE.set(line)
    timer.start()
    try:
        yield line
    finally:
        timer.cancel()
        _LINE.reset(before)


class _Held:
    """Of a connection: tells the call's line about its socket."""

    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        line = _LINE.get()
        proxied = getattr(self, "proxy", None) is not None
        if line and line.public_only and not proxied and not _is_public(sock):
            sock.close()
            raise PrivateAddress("the address is in a private network")
        self._handle = sock.dup()
        self._tell()
        return sock

    def request(self, *given: Any, **named: Any) -> None:
        self._tell()
        super().request(*given, **named)  # type: ignore[misc]

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()
        super().close()  # type: ignore[misc]

    def _tell(self) -> None:
        line = _LINE.get()
        if line is not None:
            line.handle = self._handle


def _is_public(sock: socket.socket) -> bool:
    return ip_address(sock.getpeername()[0].partition("%")[0]).is_global


class _Plain(_Held, HTTPConnection):
    """Over HTTP."""


class _Secure(_Held, HTTPSConnection):
    """Over HTTPS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class Session(requests.Session):
    """Never looks where a redirect leads: whoever answers with one has not done what we asked."""

    def __init__(self) -> None:
        super().__init__()
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(max_retries=0))

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 — requests' signature
        """Return no target."""
        return
