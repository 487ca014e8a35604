"""gunicorn's threaded worker, but no slow client holds one of its threads for long.

As it comes, a connection gets a thread before it has sent anything, and may then take all the
time it likes to send the head of its request. A dozen strangers could keep Stripe out.
"""

import time
from concurrent.futures import Future
from contextlib import ExitStack
from typing import Any

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker  # type: ignore[import-untyped]

from app.deadline import Watch, hang_up

SILENT_S = 10.0  # how long a new connection may be silent; it waits without a thread
HEAD_S = 10.0  # how long the head of a request may take

WATCH = Watch()


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for a client's first byte without a thread, and for its head with a limit."""

    def enqueue_req(self, conn: TConn) -> None:
        """Give the connection a thread once there is something to read."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
        else:
            self._wait_without_thread(conn)

    def _wait_without_thread(self, conn: TConn) -> None:
        silent: Future[object] = Future()
        silent.set_result(_DEFER)
        self.finish_request(conn, silent)
        conn.timeout = time.monotonic() + SILENT_S

    def handle(self, conn: TConn) -> Any:
        """Read one request and answer it; a head that takes too long ends the connection."""
        with ExitStack() as reading_head:
            reading_head.enter_context(WATCH.limit(HEAD_S, lambda: hang_up(conn.sock.fileno())))
            conn.reading_head = reading_head
            return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Answer a request whose head is read; from here on the application keeps the time."""
        conn.reading_head.close()
        return super().handle_request(req, conn)
