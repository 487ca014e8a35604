"""A headless Chromium, where there is one: for pictures of mails, never for the service itself."""

import subprocess
from collections.abc import Sequence
from os import geteuid
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from sync.errors import SettingsError, Unavailable

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_LONGEST_S = 90
_QUIET = ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
# A page that we made ourselves asks nothing of the network; what a mail shows, it may fetch.
_PRIVATE = ("--disable-background-networking", "--disable-extensions", "--disable-sync")


def find() -> str:
    """Return the path of this machine's Chromium.

    Raises:
        SettingsError: there is none; says how to get one.
    """
    found = next((path for path in map(which, _NAMES) if path), None)
    if found is None:
        raise SettingsError("no Chromium on this machine; on Debian: apt-get install chromium")
    return found


def dump(page: Path, width_px: int = 1280) -> str:
    """Return the document of `page`, in a window this wide, once it and its scripts have loaded.

    Raises:
        SettingsError: there is no Chromium.
        Unavailable: it did not finish.
    """
    return _run(page, ["--dump-dom", f"--window-size={width_px},800"])


def photograph(page: Path, picture: Path, width_px: int, height_px: int) -> None:
    """Write a PNG of `page` in a window of this size; raises as `dump` does."""
    picture.unlink(missing_ok=True)
    _run(page, [f"--screenshot={picture.absolute()}", f"--window-size={width_px},{height_px}"])
    if not picture.is_file():
        raise Unavailable(f"Chromium wrote no {picture.name}")


def _run(page: Path, wishes: Sequence[str]) -> str:
    # Chromium refuses to run as root inside its sandbox, and there it reads our own pages only.
    rights = [] if geteuid() else ["--no-sandbox"]
    with TemporaryDirectory(prefix="evergreen-chromium-") as profile:
        own = (f"--user-data-dir={profile}", *rights, *wishes, page.absolute().as_uri())
        command = [find(), *_QUIET, *_PRIVATE, *own]
        try:
            done = subprocess.run(  # noqa: S603 — our own words, no shell
                command, capture_output=True, check=True, timeout=_LONGEST_S
            )
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Unavailable(f"Chromium did not finish with {page.name}") from error
    return done.stdout.decode()
