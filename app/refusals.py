"""What is turned away: answered cheaply, counted, and logged once a minute at most."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from flask import Response

log = structlog.get_logger(__name__)

WINDOW_S = 60
PER_ADDRESS = 300  # refusals a minute, before an address gets 429 for each further one
_MOST_ADDRESSES = 10_000


class Refused(Exception):
    """A delivery that is not taken; carries the HTTP status and a slug for answer and log."""

    def __init__(self, status: int, reason: str) -> None:
        """Refuse with `status`, for `reason`."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Refusals:
    """Counts what is noticed at the door, by reason and by address.

    A reason's first is logged at once, as `event`; later ones once a minute with their count.
    """

    def __init__(self, event: str, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `now_s` is a clock that never goes back."""
        self._event = event
        self._now_s = now_s
        self._lock = threading.Lock()
        self._untold: Counter[str] = Counter()
        self._told_at: dict[str, float] = {}
        self._addresses: Counter[str] = Counter()
        self._minute_ends = 0.0

    def answer(self, refused: Refused, environ: Mapping[str, Any]) -> Response:
        """Return the refusal; an address that floods us gets 429 instead."""
        if self.note(refused.reason, environ) > PER_ADDRESS:
            headers = {"Retry-After": str(WINDOW_S)}
            return answer(429, "error", "too_many_refusals", headers)
        return answer(refused.status, "error", refused.reason)

    def note(self, reason: str, environ: Mapping[str, Any]) -> int:
        """Count one; return how many came from that address in this minute.

        `reason` is one of our own few slugs, never a stranger's words.
        """
        with self._lock:
            now = self._now_s()
            count = self._count(_address(environ), now)
            to_tell = self._tell(reason, now)
        if to_tell:
            log.warning(self._event, reason=reason, count=to_tell)
        return count

    def _count(self, address: str, now: float) -> int:
        if now >= self._minute_ends:
            self._addresses.clear()
            self._minute_ends = now + WINDOW_S
        if address in self._addresses or len(self._addresses) < _MOST_ADDRESSES:
            self._addresses[address] += 1
        return self._addresses[address]

    def _tell(self, reason: str, now: float) -> int:
        self._untold[reason] += 1
        if reason in self._told_at and now < self._told_at[reason] + WINDOW_S:
            return 0
        self._told_at[reason] = now
        return self._untold.pop(reason)


def answer(status: int, key: str, value: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a small JSON answer that echoes nothing of the request."""
    body = f'{{"{key}": "{value}"}}'
    return Response(body, status, dict(headers or {}), mimetype="application/json")


def _address(environ: Mapping[str, Any]) -> str:
    """Return the last hop before us: behind Heroku's router the first ones can be made up."""
    forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    return forwarded.rpartition(",")[2].strip() or str(environ.get("REMOTE_ADDR", ""))
