"""A finished message taken apart again, for providers that want fields instead of MIME."""

from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Literal

# Fields of their own, or made anew by the provider. Date is the moment it takes the mail.
_NOT_EXTRA = frozenset({"from", "to", "subject", "reply-to", "date", "mime-version"})

Stream = Literal["transactional", "marketing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a message says: decoded text, as it goes into JSON."""

    sender: Address
    to: str
    reply_to: str | None
    subject: str
    text: str | None
    html: str | None
    headers: dict[str, str]
    kind: str
    key_hash: str


def parts(message: EmailMessage) -> Parts:
    """Return the parts of `message`; every header of ours is kept."""
    return Parts(
        sender=message["From"].addresses[0],
        to=str(message["To"]),
        reply_to=str(message["Reply-To"]) if message["Reply-To"] else None,
        subject=str(message["Subject"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        headers={name: str(value) for name, value in message.items() if _is_extra(name)},
        kind=str(message["X-Evergreen-Kind"] or ""),
        key_hash=str(message["X-Evergreen-Key"] or ""),
    )


def stream(message: EmailMessage) -> Stream:
    """Return which of a provider's streams the message belongs to.

    Marketing is what can be unsubscribed from; its complaints must not hurt the receipts.
    """
    return "marketing" if message["List-Unsubscribe"] else "transactional"


def _is_extra(name: str) -> bool:
    lowered = name.lower()
    return lowered not in _NOT_EXTRA and not lowered.startswith("content-t")


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return str(part.get_content()) if isinstance(part, EmailMessage) else None
