"""What the providers' HTTP interfaces share: one request, and what its end means.

As with SMTP: until the last byte of the request is out, the provider has no message and any
failure may be tried again. From then on only its answer tells; without one the end is unknown.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from sync.changes import Failed, Outcome, RetryIn, Unknown
from sync.delivery.gate import NoAnswer
from sync.delivery.http import Answer, Call, Client, Unclear
from sync.errors import SettingsError

__all__ = ["Answer"]

READ_S = 10.0
_BODY_BYTES = 64 * 1024
_CONNECT_AGAIN_S = 30.0
_BUSY_AGAIN_S = 60.0
# Our own account, sender or key is refused: no single mail's fault, and a person must mend it.
_MEND_FIRST_S = 300.0

# refused: this mail, for good. mend: our account or settings. unclear: it may have been taken.
Meaning = Literal["busy", "mend", "refused", "unclear"]
_STATUSES: Mapping[int, Meaning] = {
    400: "refused",
    408: "busy",
    413: "refused",
    422: "refused",
    425: "busy",
    429: "busy",
    503: "busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a MAIL_URL of a provider says; its secrets never show."""

    base: str
    host: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    options: Mapping[str, str]


def place(mail_url: str, example: str, options: Mapping[str, str]) -> Place:
    """Return what `mail_url` says; `options` are those that may stand behind `?`, with defaults.

    HTTPS always, but to this machine.

    Raises:
        SettingsError: something is missing or too much; the text shows `example`, never a secret.
    """
    parts = urlsplit(mail_url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    try:
        port = parts.port
    except ValueError:
        port = 0
    plain = parts.path.strip("/") == "" and port != 0 and given.keys() <= options.keys()
    if not (parts.hostname and parts.username is not None and plain):
        raise SettingsError(f"this provider is written {example}, special characters as %XX")
    host = parts.netloc.rpartition("@")[2]
    return Place(
        base=f"{'http' if _is_this_machine(parts.hostname) else 'https'}://{host}",
        host=host,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        options={**options, **given},
    )


def token(mail_url: str, example: str, options: Mapping[str, str]) -> tuple[Place, str]:
    """Return as `place`, and the one secret; it may stand before or behind a colon."""
    found = place(mail_url, example, options)
    secret = found.password or found.user
    if not secret or not secret.isascii() or not secret.isprintable():
        raise SettingsError(f"this provider is written {example}")
    return found, secret


class HttpApi:
    """One provider's interface: posts, and never raises for what the other side does."""

    def __init__(self, provider: str, base: str, read_s: float = READ_S) -> None:
        """Post to paths below `base`; nothing connects before the first post."""
        self.provider = provider
        self._client = Client(base, tries=1, read_s=read_s, most_bytes=_BODY_BYTES)

    def post(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer | Outcome:
        """Return the answer, or what it means that there is none. Redirects are not followed."""
        try:
            return self._client.call(
                Call(method="POST", path=path, content=content, headers=headers)
            )
        except Unclear as error:
            return Unknown(f"{self.provider}_{error.reason}")
        except NoAnswer as error:
            return RetryIn(_CONNECT_AGAIN_S, f"{self.provider}_{error.reason}")

    def close(self) -> None:
        """Close the connections; posting again opens new ones."""
        self._client.close()

    def refusal(
        self, answer: Answer, code: str = "", codes: Mapping[str, Meaning] | None = None
    ) -> Outcome:
        """Return what an answer means that does not say that the mail was taken.

        `code` is the provider's own name for what is wrong; `codes` knows better than the
        status what some of them mean.
        """
        meaning = (codes or {}).get(code) or _meaning(answer.status)
        slug = re.sub(r"[^a-z0-9]+", "_", code.lower())[:40].strip("_")
        reason = f"{self.provider}_{slug or answer.status}"
        return _OUTCOMES[meaning](reason, answer)


def _meaning(status: int) -> Meaning:
    if status in _STATUSES:
        return _STATUSES[status]
    return "mend" if 300 <= status < 500 else "unclear"  # noqa: PLR2004 — HTTP's own classes


_OUTCOMES: Mapping[Meaning, Callable[[str, Answer], Outcome]] = {
    "busy": lambda reason, answer: RetryIn(answer.asked_s(_BUSY_AGAIN_S), reason),
    "mend": lambda reason, answer: RetryIn(answer.asked_s(_MEND_FIRST_S), reason),
    "refused": lambda reason, _answer: Failed(reason),
    "unclear": lambda reason, _answer: Unknown(reason),
}


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
