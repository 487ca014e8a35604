"""The whole body of a request, within size and time, or a refusal."""

from collections.abc import Callable, Mapping
from typing import Any

from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from app.deadline import Watch, hang_up
from app.patience import visiting
from app.refusals import Refused

MAX_BODY_BYTES = 1024 * 1024
DEADLINE_S = 10.0
_CHUNK_BYTES = 64 * 1024
_LONGEST_LENGTH = 19  # digits of a Content-Length that are read at all


class BodyReader:
    """Reads bodies, each for a limited time."""

    def __init__(self, watch: Watch) -> None:
        """Keep the time with `watch`."""
        self._watch = watch

    def read(self, environ: Mapping[str, Any]) -> bytes:
        """Return the whole body.

        Raises:
            Refused: 415 for any encoding, 413 over 1 MiB, 400 for fewer bytes than announced
                and for broken chunks, 408 for a body that drips in.
        """
        if environ.get("HTTP_CONTENT_ENCODING"):
            raise Refused(415, "content_encoding")
        announced = _announced(environ)
        if announced is not None and announced > MAX_BODY_BYTES:
            raise Refused(413, "too_large")
        body = self._in_time(environ, MAX_BODY_BYTES + 1 if announced is None else announced)
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "too_large")
        if announced is not None and len(body) != announced:
            raise Refused(400, "truncated_body")
        return body

    def _in_time(self, environ: Mapping[str, Any], size: int) -> bytes:
        hang_up_now = _hanging_up(environ)
        with visiting(self._watch, hang_up_now, DEADLINE_S) as visit:
            body = _received(environ["wsgi.input"], size)
        if visit.ended:
            raise Refused(408, "too_slow")
        if body is None:
            raise Refused(400, "unreadable_body")
        return body


def _announced(environ: Mapping[str, Any]) -> int | None:
    text = str(environ.get("CONTENT_LENGTH") or "")
    if text and not (text.isascii() and text.isdigit()):
        raise Refused(400, "content_length")
    if len(text) > _LONGEST_LENGTH:
        raise Refused(413, "too_large")
    return int(text) if text else None


def _hanging_up(environ: Mapping[str, Any]) -> Callable[[], None]:
    connection = environ.get("gunicorn.socket")
    number = -1 if connection is None else connection.fileno()
    return lambda: hang_up(number)


def _received(stream: Any, size: int) -> bytes | None:
    """Return up to `size` bytes, None when the line or its chunks are broken."""
    chunks: list[bytes] = []
    try:
        while size > 0 and (chunk := stream.read(min(size, _CHUNK_BYTES))):
            chunks.append(chunk)
            size -= len(chunk)
    except (OSError, ValueError, ParseException):
        return None
    return b"".join(chunks)
