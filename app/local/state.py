"""Where the servers of a laptop keep their state: folders of our own, outside every home.

PostgreSQL refuses to run as root. For root its server therefore runs as an account that
exists everywhere, and that account must be able to reach its data; opening a home folder for
it would be wrong, so the state lives in the system's folder for files that survive a reboot.
Nobody else on the machine can put one of these folders there before us: it would be refused.
"""

import fcntl
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync.errors import SettingsError, Unavailable

CHECKOUT = Path(__file__).resolve().parents[2]
SURVIVES_REBOOT = Path("/var/tmp")  # noqa: S108 — every folder below it is checked by `secure`
_NAME_LENGTH = 12
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LOCK_TRIES = 5
_LOCK_PAUSE_S = 0.02


def local_root() -> Path:
    """Return the folder that holds all our local state of this user; it may not exist yet."""
    return SURVIVES_REBOOT / f"evergreen-{os.geteuid()}"


def checkout_root(checkout: Path = CHECKOUT) -> Path:
    """Return the folder for all local state of one checkout; it may not exist yet."""
    name = hashlib.sha256(os.fsencode(checkout)).hexdigest()[:_NAME_LENGTH]
    return local_root() / name


def state_dir(name: str, checkout: Path = CHECKOUT) -> Path:
    """Make sure of the folder for one use (`run`, `demo`, ...) of a checkout and return it.

    Raises `SettingsError` when somebody else owns or can write to a folder on the way.
    """
    secure(local_root())
    secure(checkout_root(checkout))
    return secure(checkout_root(checkout) / name)


def secure(folder: Path) -> Path:
    """Make `folder` unless it is there, refuse it unless it is ours alone, and return it.

    Missing parents are made the same way. A folder that exists keeps its mode.
    """
    if not folder.parent.exists():
        secure(folder.parent)
    try:
        folder.mkdir(mode=_mode())
    except FileExistsError:
        _refuse_unless_ours(folder)
    else:
        folder.chmod(_mode())  # whatever the umask took away
    return folder


def _mode() -> int:
    """Others may see nothing; when we are root, PostgreSQL's account must pass through."""
    return 0o711 if os.geteuid() == 0 else 0o700


def ours_alone(path: Path) -> bool:
    """Whether nobody but us can have written `path`; a symbolic link does not count."""
    found = path.lstat()
    written_by_us = found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE
    return written_by_us and not path.is_symlink()


def _refuse_unless_ours(folder: Path) -> None:
    if not ours_alone(folder) or not folder.is_dir():
        raise SettingsError(
            f"{folder} is not a folder that belongs to you and that only you can write to; "
            "remove it, or have it removed by its owner"
        )


def open_to_others(path: Path) -> bool:
    """Whether any account may read `path` and pass every folder above it."""
    below = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
    return bool(path.stat().st_mode & below == below) and reachable_by_others(path)


def reachable_by_others(path: Path) -> bool:
    """Whether any account may pass every folder above `path`."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents)


def secret(state: Path, name: str) -> str:
    """Return the random secret `name` of this state folder, made at its first use, mode 0600."""
    kept = state / f"{name}.secret"
    if not kept.exists():
        write_private(kept, secrets.token_urlsafe(24))
    return kept.read_text()


def write_private(path: Path, text: str) -> None:
    """Write `text` so that a reader sees all of it or nothing, readable by us alone."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    unfinished.replace(path)


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold `state` for this process; the lock ends with the process, however it ends.

    Raises `Unavailable` when another live process holds it.
    """
    with _lock_file(state) as handle:
        if not _lock(handle, fcntl.LOCK_EX):
            holder = os.pread(handle, 20, 0).decode() or "unknown"
            raise Unavailable(f"{state} is in use by process {holder}; stop it first")
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield


def in_use(state: Path) -> bool:
    """Whether a live process holds `state`."""
    with _lock_file(state) as handle:
        return not _lock(handle, fcntl.LOCK_SH)


@contextmanager
def _lock_file(state: Path) -> Iterator[int]:
    handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _lock(handle: int, kind: int) -> bool:
    """Try for a moment, since somebody may only be looking whether the lock is held."""
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return True
    return False
