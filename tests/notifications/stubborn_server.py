"""A mail server that fails at any step of a conversation, so many times, and then behaves.

Raw sockets, as a server's library would not let us break a conversation wherever we like.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from io import BufferedRWPair

CUT, SILENCE = "cut", "silence"
_ANSWERS = {
    "greeting": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "content": "",
    ".": "250 kept",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


@dataclass(slots=True)
class Stubborn:
    """Fails at `step` with `fault`, an answer or CUT or SILENCE, `times` times.

    `content` is the middle of a mail. A mail is kept once it is whole, unless it is refused.
    """

    step: str
    fault: str
    times: int
    port: int = 0
    messages: list[Message] = field(default_factory=list)
    _refused: bool = False

    def serve(self, listener: socket.socket) -> None:
        """Talk to one client after another until the listener closes."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream, suppress(OSError, EOFError):
                self._converse(stream)

    def _converse(self, stream: BufferedRWPair) -> None:
        self._answer(stream, "greeting")
        while True:
            step = _line(stream)[:4].strip().decode().upper()
            self._answer(stream, step)
            if step == "DATA" and not self._refused:
                self._take(stream)

    def _take(self, stream: BufferedRWPair) -> None:
        content = [_line(stream)]
        self._answer(stream, "content")
        while content[-1] != b".\r\n":
            content.append(_line(stream))
        whole = message_from_bytes(b"".join(content[:-1]))
        is_refused = self.times and self.step == "." and self.fault[:1] in "45"
        if not is_refused:
            self.messages.append(whole)
        self._answer(stream, ".")

    def _answer(self, stream: BufferedRWPair, step: str) -> None:
        answer = _ANSWERS.get(step, "502 what?")
        self._refused = step == self.step and self.times > 0
        if self._refused:
            self.times -= 1
            answer = self.fault
        if answer == CUT:
            raise EOFError
        if answer == SILENCE:
            _line(stream)  # until the client has had enough
        elif answer:
            stream.write(answer.encode() + b"\r\n")
            stream.flush()


def _line(stream: BufferedRWPair) -> bytes:
    line = stream.readline()
    if not line:
        raise EOFError
    return line


@contextmanager
def stubborn_server(step: str, fault: str, times: int) -> Iterator[Stubborn]:
    """Run such a server on a port of its own."""
    server = Stubborn(step, fault, times)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
