"""The command line as a person uses it: words and an environment in, text and a code out."""

import io
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

import structlog

from app.cli import main


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


def evergreen(*words: str, environ: Mapping[str, str]) -> Said:
    """Run one command; an exception that would end in a traceback is the test's to see."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _log_left_as_it_was(),
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(sys, "argv", ["evergreen", *words]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Said(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


@contextmanager
def _log_left_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
