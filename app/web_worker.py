"""gunicorn's threaded worker, but no silent client holds one of its threads.

As it comes, a connection gets a thread before it has sent anything: a dozen strangers could
keep Stripe out. `app.edge_worker` limits the time for the rest of a request.
"""

import time
from concurrent.futures import Future

from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker  # type: ignore[import-untyped]

from app.deadline import Watch

SILENT_S = 10.0  # how long a new connection may be silent; it waits without a thread
HEAD_S = 10.0  # how long the head of a request may take

WATCH = Watch()


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Waits for a client's first byte without a thread."""

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
