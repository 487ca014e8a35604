"""The mail catcher of a laptop: takes every mail, sends none on, keeps each as a file."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import default as mail_policy
from pathlib import Path
from threading import Lock
from typing import Any

from app.local.smtp_server import smtp_server
from app.local.state import secure

KIND_HEADER = "X-Evergreen-Kind"
NO_KIND = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the list shows of one mail."""

    number: int  # from 1, in the order of arrival
    kind: str
    to: str
    subject: str
    date: str  # as the mail says it: on a simulated clock that is not today


@dataclass(slots=True)
class Mailbox:
    """Mails of one folder: `000001.eml` and so on, and `index.jsonl` with a line for each.

    What an earlier run left in the folder is there again. Safe to use from several threads.
    """

    folder: Path
    _entries: list[Entry] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        secure(self.folder).chmod(0o700)
        if self._index.exists():
            self._entries = [Entry(**json.loads(line)) for line in _whole_lines(self._index)]

    def add(self, raw: bytes) -> Entry:
        """Keep one mail."""
        with self._lock:
            entry = _entry(raw, number=len(self._entries) + 1)
            self._file(entry.number).write_bytes(raw)
            with self._index.open("a") as index:
                index.write(json.dumps(asdict(entry)) + "\n")
            self._entries.append(entry)
        return entry

    def newest(self, *, kind: str = "", skip: int = 0, limit: int = 50) -> Sequence[Entry]:
        """Return entries from the newest on, of one kind where `kind` is given."""
        with self._lock:
            found = [entry for entry in self._entries if kind in ("", entry.kind)]
        return found[::-1][skip : skip + limit]

    def counts(self) -> Mapping[str, int]:
        """Return how many mails there are of each kind, by name."""
        with self._lock:
            return dict(sorted(Counter(entry.kind for entry in self._entries).items()))

    def raw(self, number: int) -> bytes:
        """Return one mail as it came; raises `KeyError` when there is none of that number."""
        if not 1 <= number <= len(self._entries):
            raise KeyError(number)
        return self._file(number).read_bytes()

    def message(self, number: int) -> EmailMessage:
        """Return one mail, parsed; raises `KeyError` when there is none of that number."""
        message = message_from_bytes(self.raw(number), policy=mail_policy)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def _index(self) -> Path:
        return self.folder / "index.jsonl"

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.eml"


def _whole_lines(index: Path) -> Iterator[str]:
    """Yield the index's lines; cut off a last one that a kill left unfinished."""
    text = index.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        index.write_text(whole)
    yield from whole.splitlines()


def _entry(raw: bytes, number: int) -> Entry:
    headers = BytesHeaderParser(policy=mail_policy).parsebytes(raw)
    kind, to, subject, date = (
        str(headers[name] or "").strip() for name in (KIND_HEADER, "To", "Subject", "Date")
    )
    return Entry(number, kind or NO_KIND, to, subject, date)


class _Catcher:
    """aiosmtpd's handler: every mail to anybody is taken."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 — aiosmtpd's name for the hook
        self._mailbox.add(envelope.original_content)
        return "250 kept"


@contextmanager
def mail_catcher(folder: Path) -> Iterator[tuple[Mailbox, str]]:
    """Catch mail into `folder`; yield the mailbox and the `smtp://` URL to send it to."""
    mailbox = Mailbox(folder)
    with smtp_server(_Catcher(mailbox)) as port:
        yield mailbox, f"smtp://127.0.0.1:{port}"
