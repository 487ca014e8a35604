"""How the headers of our mails are written: pure ASCII, and whole at the other end.

The standard library folds two sorts of headers so that they break: one long ASCII word, such
as the address in List-Unsubscribe, becomes RFC 2047 pieces in which no mail program finds the
address again; and a long name loses its quotes, so that `Smith, Jones …` are two senders.
"""

from base64 import b64encode
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from textwrap import wrap
from typing import Any

# Headers that hold one long ASCII word.
_NEVER_FOLDED = frozenset(
    {
        "message-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "x-evergreen-key",
        "x-evergreen-original-to",
    },
)
_ADDRESSES = frozenset({"from", "to", "reply-to"})
# RFC 5322, 2.1.1: without the line's end.
LONGEST_LINE = 998
_GOOD_LINE = 76
_LONGEST_WORD = 60
# Of UTF-8, so that an encoded word stays below the 75 characters of RFC 2047.
_WORD_BYTES = 42


class MailHeaders(EmailPolicy):
    """The standard library's policy, but for the headers named above."""

    def fold(self, name: str, value: Any) -> str:
        """Return the header's lines as text."""
        if name.lower() in _NEVER_FOLDED:
            return f"{name}: {value}{self.linesep}"
        if name.lower() in _ADDRESSES:
            return f"{name}: {self._mailboxes(value.addresses)}{self.linesep}"
        if name.lower() == "subject":
            parts = _encoded(str(value)) if _needs_encoding(str(value)) else _lines(str(value))
            return f"{name}: {f'{self.linesep} '.join(parts)}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header's lines as they go out."""
        return self.fold(name, value).encode("ascii")

    def _mailboxes(self, addresses: tuple[Address, ...]) -> str:
        return f",{self.linesep} ".join(map(self._mailbox, addresses))

    def _mailbox(self, address: Address) -> str:
        words = [*_phrase(address.display_name), f"<{address.addr_spec}>"]
        if len(words) == 1:
            return address.addr_spec
        short = sum(map(len, words)) <= _GOOD_LINE - len("Reply-To: ")
        return (" " if short else f"{self.linesep} ").join(words)


HEADERS = MailHeaders(linesep="\r\n", cte_type="7bit")


def require_sendable(message: EmailMessage) -> None:
    """Let pass a message that any mail server can take.

    Raises:
        ValueError: a line is too long, or a header is no ASCII.
    """
    if max(map(len, message.as_bytes().split(b"\r\n"))) > LONGEST_LINE:
        raise ValueError("a line is too long for a mail")


def _phrase(name: str) -> Iterator[str]:
    """Yield a name's words: one in quotes where that is enough, else encoded ones."""
    if name.isascii() and len(name) <= _LONGEST_WORD:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        plain = all(map(str.isalnum, name.split(" ")))
        yield from [name if plain else f'"{escaped}"'] if name else []
    else:
        yield from _encoded(name)


def _needs_encoding(text: str) -> bool:
    return not text.isascii() or max(map(len, text.split(" "))) > _LONGEST_WORD


def _lines(text: str) -> list[str]:
    """Return a subject's lines, the first beside the header's name.

    The standard library leaves that one empty where the rest is just too long for it, and some
    readers then show a subject that begins with a space, or none.
    """
    room = _GOOD_LINE - len("Subject: ")
    return wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def _encoded(text: str) -> Iterator[str]:
    """Yield RFC 2047's encoded words, none of them too long or with half a letter in it.

    The standard library's are one character longer than the RFC allows.
    """
    piece = b""
    for letter in text:
        encoded = letter.encode("utf-8")
        if len(piece) + len(encoded) > _WORD_BYTES:
            yield _encoded_word(piece)
            piece = b""
        piece += encoded
    yield _encoded_word(piece)


def _encoded_word(piece: bytes) -> str:
    return f"=?utf-8?b?{b64encode(piece).decode()}?="
