"""A mail server for tests: keeps what it takes, and misbehaves as it is told."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as mail_policy
from typing import Any

from app.local.smtp_server import smtp_server

ANYBODY = "*"


@dataclass(slots=True)
class MailServer:
    """Takes every mail unless told otherwise; each fault is for one recipient or `ANYBODY`.

    A fault holds until `behave`, or for the next `times` mails to that recipient.
    """

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    _faults: dict[tuple[str, str], tuple[str, int | None]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address for MAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    def refuse(self, code: int, recipient: str = ANYBODY, *, times: int | None = None) -> None:
        """Answer `RCPT TO` with `code`: 421 and 451 are temporary, 550 is for good."""
        self._faults["RCPT", recipient] = (f"{code} refused by the test", times)

    def refuse_content(
        self, code: int, recipient: str = ANYBODY, *, times: int | None = None
    ) -> None:
        """Take the whole mail, then answer `code` and drop it."""
        self._faults["DATA", recipient] = (f"{code} content refused by the test", times)

    def cut(self, recipient: str = ANYBODY, *, times: int | None = None) -> None:
        """Take and keep the whole mail, then close the connection instead of saying 250."""
        self._faults["DATA", recipient] = ("cut", times)

    def hang(self, recipient: str = ANYBODY, *, times: int | None = None) -> None:
        """Take and keep the whole mail, then never answer."""
        self._faults["DATA", recipient] = ("hang", times)

    def behave(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    async def handle_RCPT(  # noqa: N802 — aiosmtpd's name for the hook
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Answer one recipient."""
        answer = self._fault("RCPT", address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 — same
        """Answer one mail."""
        answers = [self._fault("DATA", recipient) for recipient in envelope.rcpt_tos]
        answer = next(filter(None, answers), "250 kept")
        if answer[:1] in "45":
            return answer
        message = message_from_bytes(envelope.original_content, policy=mail_policy)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        if answer == "cut":
            server.transport.abort()
        if answer == "hang":
            await asyncio.Event().wait()
        return answer

    def _fault(self, stage: str, recipient: str) -> str | None:
        key = (stage, recipient) if (stage, recipient) in self._faults else (stage, ANYBODY)
        answer, times = self._faults.get(key, (None, None))
        if times == 1:
            del self._faults[key]
        elif times and answer:
            self._faults[key] = (answer, times - 1)
        return answer


@contextmanager
def running_mail_server() -> Iterator[MailServer]:
    """Run a mail server on a port of its own."""
    server = MailServer()
    with smtp_server(server) as server.port:
        yield server
