"""A mail server on the loopback interface, in a thread, on a port of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP

from app.local.ports import LOOPBACK

MAX_MAIL_BYTES = 10 * 1024 * 1024


@contextmanager
def smtp_server(handler: Any) -> Iterator[int]:
    """Serve mail to `handler` (aiosmtpd's hooks `handle_RCPT`, `handle_DATA`); yield the port.

    The port is bound before the context starts and free when it ends; connections that are
    still open then are cut.
    """
    listener = socket.create_server((LOOPBACK, 0))
    loop = asyncio.new_event_loop()
    up = threading.Event()
    thread = threading.Thread(target=_serve, args=(loop, listener, handler, up), name="smtp")
    thread.start()
    up.wait()
    try:
        yield int(listener.getsockname()[1])
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _serve(
    loop: asyncio.AbstractEventLoop, listener: socket.socket, handler: Any, up: threading.Event
) -> None:
    server = loop.run_until_complete(loop.create_server(partial(_session, handler), sock=listener))
    loop.call_soon(up.set)
    loop.run_forever()
    server.close()
    loop.run_until_complete(_cut())
    loop.close()


def _session(handler: Any) -> SMTP:
    return SMTP(handler, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=MAX_MAIL_BYTES)


async def _cut() -> None:
    """End the task behind every connection; each closes its connection as it ends."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)  # what they closed is gone in the next turn
