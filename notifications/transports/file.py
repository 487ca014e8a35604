"""Mail into a folder: one `.eml` per message, whole or not at all."""

import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sync.changes import Done, Outcome, RetryIn
from sync.errors import SettingsError

_DISK_COMES_BACK_S = 60.0


def from_url(mail_url: str) -> "FileTransport":
    """Return the transport for `file:///folder`; the folder is made with the first message.

    Raises:
        SettingsError: no folder is named, or one of another machine.
    """
    parts = urlsplit(mail_url)
    elsewhere = parts.netloc not in {"", "localhost"}
    if elsewhere or not parts.path.startswith("/") or not parts.path.strip("/"):
        raise SettingsError("a mail folder is written file:///folder, with three slashes")
    return FileTransport(Path(unquote(parts.path)))


@dataclass(frozen=True, slots=True)
class FileTransport:
    """Writes messages into `folder`; the same Message-ID is the same file."""

    folder: Path

    def send(self, message: EmailMessage) -> Outcome:
        """Write `message`; a reader of the folder never sees half of it."""
        message_id = str(message["Message-ID"])
        name = hashlib.sha256(message_id.encode()).hexdigest()[:32]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / f"{name}.eml", message.as_bytes())
        except OSError:
            return RetryIn(_DISK_COMES_BACK_S, "folder_unwritable")
        return Done(message_id)

    def close(self) -> None:
        """Nothing is held open."""


def _write(path: Path, content: bytes) -> None:
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(unfinished).replace(path)
    except OSError:
        with suppress(OSError):
            Path(unfinished).unlink()
        raise
