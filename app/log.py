"""JSON logs on standard output, with everything secret or personal taken out at the end."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from app.redaction import cleaned


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', to standard output as one JSON object."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    for chatty in ("rq.worker", "rq.queue", "urllib3", "alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Replace secrets, addresses, credentials and rows in every text of a log event."""
    return cleaned(event)


def _formatter(shared: list[Any]) -> logging.Formatter:
    # Tracebacks without local variables: those hold secrets and customers' data.
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(tracebacks),
            redact,
            structlog.processors.JSONRenderer(),
        ],
    )
