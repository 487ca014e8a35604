"""A state folder for each test, where a server that root starts can reach its data."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.local.children import stop_left_over
from app.local.state import state_dir


@pytest.fixture
def state() -> Iterator[Path]:
    """An empty state folder; nothing that was started on it outlives the test."""
    folder = state_dir(f"tests-{uuid4().hex[:8]}")
    yield folder
    stop_left_over(folder)
    shutil.rmtree(folder)
