"""One provider's HTTP interface: a call, its tries, and whether it was sent at all.

Until the last byte of a request is out, the other side has nothing and the call may be made
again. From then on only its answer tells; without one the end is unclear.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from types import MappingProxyType
from typing import Any

import orjson
import requests
import tenacity
import urllib3

from sync.delivery import trail
from sync.delivery.connection import Session, on_the_line
from sync.delivery.gate import NO_TIME_LEFT, Gate, Held, NoAnswer
from sync.delivery.policy import DEADLINE_S

CONNECT_S, READ_S = 5.0, 15.0
USER_AGENT = "Evergreen"
_JSON = MappingProxyType({"Content-Type": "application/json", "Accept": "application/json"})
_TRIES, _TRIES_WITHIN_S = 3, 10.0
_MOST_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 64 * 1024
_LONGEST_WAIT_S = 86_400.0
_SOON_S = 0.3
_BUSY = 429
_READING = frozenset({"GET", "HEAD"})
_CORRELATION = ("x-request-id", "x-hubspot-correlation-id", "request-id", "x-amzn-requestid")


class NotSent(NoAnswer):
    """The call did not leave: no connection, no such name, or cut off before its end."""


class Unclear(NoAnswer):
    """The call left and no answer came: it may or may not have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said. `json` is None when it was no JSON."""

    status: int
    headers: Mapping[str, str]
    json: Any = None

    @property
    def is_ok(self) -> bool:
        """Tell whether it is one of HTTP's 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 — HTTP's own class

    @property
    def is_alive(self) -> bool:
        """Tell whether the other side works: it may well refuse what we ask."""
        return self.status < 500  # noqa: PLR2004 — HTTP's own class

    @property
    def body(self) -> Mapping[str, Any]:
        """Return the JSON object; empty when it was something else."""
        return self.json if isinstance(self.json, dict) else {}

    def asked_s(self, default_s: float = 0.0) -> float:
        """Return the seconds of `Retry-After`, within a day; at least `default_s`."""
        return max(min(_seconds(self.headers.get("Retry-After", "")), _LONGEST_WAIT_S), default_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, the same at each try. `content` wins over `json`; neither: no body.

    `repeatable`: doing it twice is doing it once, by its nature or by an idempotency key, so
    that it may be tried again at once after an unclear end or a 5xx. `only_asks`: it changes
    nothing over there, such as a log-in.
    """

    method: str
    path: str
    json: Any = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    only_asks: bool = False

    @property
    def bytes(self) -> bytes | None:
        """Return the body."""
        given = self.content is None and self.json is not None
        return orjson.dumps(self.json) if given else self.content


class Client:
    """Speaks to one provider, each try through its gate; used by one thread at a time.

    It never follows a redirect, reads at most `most_bytes` of an answer (0: nothing), and ends
    within `DEADLINE_S` whatever the other side does. `gate` None: no quota, no breaker.
    """

    def __init__(
        self,
        base_url: str,
        gate: Gate | None = None,
        *,
        headers: Mapping[str, str] = _JSON,
        tries: int = _TRIES,
        read_s: float = READ_S,
        most_bytes: int = _MOST_BYTES,
        public_only: bool = False,
    ) -> None:
        """Call paths below `base_url` with `headers`; nothing connects before the first call."""
        self._base, self._gate, self._headers = base_url, gate, dict(headers)
        self._tries, self._read_s, self._most_bytes = tries, read_s, most_bytes
        self._public_only = public_only
        self._session = Session()

    def call(self, call: Call) -> Answer:
        """Return the answer, whatever its status.

        Tried up to three times within 10 s, as long as the other side may take it: it did not
        go out, it was refused with 429 and a short `Retry-After`, or it is repeatable.

        Raises:
            NotSent, Unclear: no answer. Held: its quota or its breaker keeps us from calling.
        """
        until = time.monotonic() + DEADLINE_S
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._tries)
            | tenacity.stop_before_delay(_TRIES_WITHIN_S),
            wait=_wait_s,
            retry=lambda state: _is_worth_another(call, state),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: Answer = retrying(self._try, call, until)
        return answer

    def close(self) -> None:
        """Close the connections; calling again opens new ones."""
        self._session.close()

    def _try(self, call: Call, until: float) -> Answer:
        left_s = max(until - time.monotonic(), 0.1)
        if trail.is_time_up():
            raise Held(NO_TIME_LEFT)
        leave = self._gate.enter(patience_s=left_s / 4) if self._gate else None
        began, answer, unclear = time.monotonic(), None, False
        try:
            answer = self._exchange(call, max(until - began, 0.1))
            unclear = not answer.is_alive
        except Unclear:
            unclear = True
            raise
        finally:
            ms = int((time.monotonic() - began) * 1000)
            status, name = (answer.status, _correlation(answer)) if answer else (None, None)
            left = unclear and not call.only_asks
            trail.note(trail.Call(status=status, ms=ms, correlation_id=name, may_have_left=left))
            if leave:
                leave.ended(ok=answer is not None and answer.is_alive)
        return answer

    def _exchange(self, call: Call, left_s: float) -> Answer:
        content = call.bytes
        body = _Body(content) if content is not None else None
        with on_the_line(left_s, public_only=self._public_only) as line:
            try:
                return self._ask(call, body, left_s)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                may_have_left = body.is_out if body else call.method not in _READING
                if may_have_left and line.handle is not None:
                    raise Unclear("no_answer") from error
                raise NotSent("unreachable") from error

    def _ask(self, call: Call, body: "_Body | None", left_s: float) -> Answer:
        response = self._session.request(
            call.method,
            f"{self._base.rstrip('/')}{call.path}" if call.path else self._base,
            data=body,
            headers={"User-Agent": USER_AGENT, **self._headers, **call.headers},
            auth=_as_it_is,
            timeout=(min(CONNECT_S, left_s), min(self._read_s, left_s)),
            allow_redirects=False,
            stream=True,
        )
        with response:
            return Answer(response.status_code, response.headers, _json(response, self._most_bytes))


class _Body(BytesIO):
    """A request's content that knows when its last byte is out."""

    is_out = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on; who finds the end has sent everything before it."""
        found = super().read(size)
        self.is_out = self.is_out or not found
        return found


def _is_worth_another(call: Call, state: tenacity.RetryCallState) -> bool:
    assert state.outcome
    error = state.outcome.exception()
    if error is not None:
        return isinstance(error, NotSent) or (call.repeatable and isinstance(error, Unclear))
    answer = state.outcome.result()
    if answer.status == _BUSY:
        return "Retry-After" in answer.headers
    return call.repeatable and not answer.is_alive


def _wait_s(state: tenacity.RetryCallState) -> float:
    """Return as long as the other side asks, else a little, with jitter."""
    soon = tenacity.wait_random_exponential(multiplier=_SOON_S, max=3)(state)
    failed = state.outcome is None or state.outcome.failed
    return soon if failed or not state.outcome else state.outcome.result().asked_s(soon)


def _json(response: requests.Response, most_bytes: int) -> Any:
    """Return the answer's JSON, None when it is none or too long.

    That it was cut short changes nothing about what its status says.
    """
    if most_bytes <= 0:
        return None
    found = bytearray()
    try:
        for piece in response.raw.stream(_PIECE_BYTES, decode_content=True):
            found += piece
            if len(found) > most_bytes:
                return None
        return orjson.loads(found)
    except (orjson.JSONDecodeError, urllib3.exceptions.HTTPError, OSError, ValueError):
        return None


def _seconds(asked: str) -> float:
    try:
        if asked.isascii() and asked.isdigit():
            return float(asked)
        return (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _correlation(answer: Answer) -> str | None:
    found = next((answer.headers[name] for name in _CORRELATION if name in answer.headers), None)
    return found[:100] if found else None


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from putting a password of ~/.netrc in place of ours."""
    return request
