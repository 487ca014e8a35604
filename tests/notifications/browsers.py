"""A mark for tests that need a real browser; a machine without one skips them."""

import pytest

from app import chromium
from sync.errors import SettingsError


def _is_here() -> bool:
    try:
        return bool(chromium.find())
    except SettingsError:
        return False


needs_chromium = pytest.mark.skipif(not _is_here(), reason="no Chromium on this machine")
