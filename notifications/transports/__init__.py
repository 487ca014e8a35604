"""Ways out for a message: one file each, told apart by MAIL_URL's scheme."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from notifications.transports import file, postmark, resend, ses, smtp
from notifications.transports.transport import Transport
from sync.errors import SettingsError

__all__ = ["Transport", "open_transport"]

_OPENERS: Mapping[str, Callable[[str], Transport]] = {
    "smtp": smtp.from_url,
    "smtps": smtp.from_url,
    "file": file.from_url,
    "postmark": postmark.from_url,
    "resend": resend.from_url,
    "ses": ses.from_url,
}


def open_transport(mail_url: str) -> Transport:
    """Return the way out that `mail_url` names; it connects with the first message.

    `smtp://[user:password@]host[:port]` (STARTTLS when offered; `?starttls=require` or
    `never`), `smtps://[user:password@]host[:port]`, `file:///folder`,
    `postmark://SERVER_TOKEN@api.postmarkapp.com[?transactional=outbound&marketing=broadcast]`,
    `resend://API_KEY@api.resend.com`,
    `ses://KEY_ID:SECRET_KEY@email.<region>.amazonaws.com[?transactional=…&marketing=…]`, the
    last two being configuration sets.

    Raises:
        SettingsError: the address names no transport; the text never shows a password.
    """
    scheme = urlsplit(mail_url).scheme
    if scheme not in _OPENERS:
        raise SettingsError(f"no mail transport {scheme!r}; use one of {', '.join(_OPENERS)}")
    return _OPENERS[scheme](mail_url)
