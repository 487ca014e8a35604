"""One variable at a time: read it, check it, or say what is wrong and what to do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from app.redaction import without_credentials
from notifications.languages import LANGUAGES
from notifications.policy import mailbox
from sync.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads variables and collects every mistake, so that all are told at once."""

    environ: Mapping[str, str]
    mistakes: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def mistake(self, text: str) -> None:
        """Note what is wrong and what to do; what looks like a secret in it is taken out."""
        self.mistakes.append(without_credentials(text))

    def text(self, name: str, default: str = "") -> str:
        """Return the variable without the white space around it."""
        return self.environ.get(name, "").strip() or default

    def required(self, name: str, hint: str) -> str:
        """Return the variable; a missing one is a mistake."""
        found = self.text(name)
        if not found:
            self.mistakes.append(f"{name} is not set: {hint}")
        return found

    def parsed(self, name: str, default: str, parse: Callable[[str], T], fallback: T) -> T:
        """Return `parse` of the variable; what it refuses is a mistake."""
        try:
            return parse(self.text(name, default))
        except (SettingsError, ValueError, KeyError) as error:
            self.mistake(f"{name} is wrong: {error}")
            return fallback

    def choice(self, name: str, allowed: Mapping[str, T], default: str) -> T:
        """Return what the variable's word stands for."""
        word = self.text(name, default).lower()
        if word not in allowed:
            known = ", ".join(allowed)
            self.mistake(f"{name} is {word!r}: use one of {known}")
            word = default
        return allowed[word]


def names(value: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list, without blanks."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def known_names(known: frozenset[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a parser of lists that may hold `known` names only."""

    def parse(value: str) -> tuple[str, ...]:
        unknown = [name for name in names(value) if name not in known]
        if unknown:
            have = ", ".join(sorted(known))
            raise ValueError(f"no vendor is called {', '.join(unknown)}; there is: {have}")
        return names(value)

    return parse


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`."""

    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"{value!r} is no whole number from {low} to {high}")
        return int(value)

    return parse


def optional_days(value: str) -> int | None:
    """Return a number of days up to a year, None where nothing is set."""
    return whole_number(0, 365)(value) if value else None


def web_address(value: str) -> str:
    """Return an http(s) address without its trailing slash."""
    parts = _split(value)
    if parts is None or parts.scheme not in {"http", "https"}:
        raise ValueError(f"{value!r} is no web address such as https://billing.example.com")
    return value.rstrip("/")


def _split(value: str) -> SplitResult | None:
    """Return the parts of an address that names a host and, if any, a possible port."""
    try:
        parts = urlsplit(value)
        usable = parts.hostname and parts.port != 0 and not any(c.isspace() for c in value)
    except ValueError:
        return None
    return parts if usable else None


def optional_web_address(value: str) -> str | None:
    """Return an http(s) address, or None where nothing is set."""
    return web_address(value) if value else None


def optional_secret_address(value: str) -> str | None:
    """Return as `optional_web_address`; never shown in the message: it may be a key by itself."""
    try:
        return optional_web_address(value)
    except ValueError:
        raise ValueError("it is no web address such as https://shop.example.com/hook") from None


def email_address(value: str) -> str:
    """Return a mail address, bare or as `Name <name@example.com>`."""
    if mailbox(value) is None or not value.isprintable():
        raise ValueError(f"{value!r} is no address such as Shop <hello@example.com>")
    return value


def optional_email_address(value: str) -> str | None:
    """Return a mail address, or None where nothing is set."""
    return email_address(value) if value else None


def time_zone(value: str) -> str:
    """Return the name of a zone that is known here, such as `Asia/Bangkok`."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no time zone such as Asia/Bangkok") from error
    return value


_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def colour(value: str) -> str:
    """Return a colour in the web's six hex digits."""
    if not _COLOUR.fullmatch(value):
        raise ValueError(f"{value!r} is no colour such as #1f6f50")
    return value


_DESCRIPTOR = re.compile(r"(?=.*[A-Za-z])[ -~]{5,22}")
_NOT_ON_A_STATEMENT = frozenset("<>\\'\"*")


def statement_descriptor(value: str) -> str:
    """Return what stands beside a charge on a bank's statement; empty where nothing is set.

    Source: docs.stripe.com/get-started/account/statement-descriptors.
    """
    odd = _NOT_ON_A_STATEMENT.intersection(value)
    if value and (odd or not _DESCRIPTOR.fullmatch(value)):
        raise ValueError(
            f"{value!r} is not as at Stripe: 5 to 22 Latin characters, one of them a letter, and"
            " none of < > \\ ' \" *"
        )
    return value


def folder(value: str) -> str | None:
    """Return the name of a folder that is there, or None where nothing is set."""
    if value and not Path(value).is_dir():
        raise ValueError(f"{value!r} is no folder")
    return value or None


def language(value: str) -> str:
    """Return the tag of a locale whose language we write in, such as `th` or `en-GB`."""
    if value.replace("_", "-").partition("-")[0].lower() not in LANGUAGES:
        raise ValueError(f"{value!r} is no language we write in; there is: {', '.join(LANGUAGES)}")
    return value


def accounts(value: str) -> frozenset[str]:
    """Return the ids of connected accounts."""
    odd = [name for name in names(value) if not name.startswith("acct_")]
    if odd:
        raise ValueError(f"{odd[0]!r} is no account's id such as acct_1Nv0FGQ9RKHgCVdK")
    return frozenset(names(value))


def redis_address(value: str) -> str:
    """Return the address of a Redis server; the message never shows it."""
    parsed = urlsplit(value)
    if parsed.scheme == "unix" or (parsed.scheme in {"redis", "rediss"} and _split(value)):
        return value
    raise ValueError("use redis://host:6379/0, rediss:// with TLS or unix:///path")


_MAIL_SCHEMES = frozenset({"smtp", "smtps", "postmark", "resend", "ses"})


def mail_address(value: str) -> str | None:
    """Return where mail is handed over, None where nothing is set; never shown in the message."""
    parts = urlsplit(value)
    known = parts.scheme in _MAIL_SCHEMES and _split(value)
    if value and not known and not (parts.scheme == "file" and parts.path and not parts.netloc):
        raise ValueError(
            "use smtp://user:password@host:587, smtps://…, file:///folder,"
            " postmark://TOKEN@api.postmarkapp.com, resend://KEY@api.resend.com or"
            " ses://KEY_ID:SECRET@email.<region>.amazonaws.com",
        )
    return value or None


def is_this_host(host: str) -> bool:
    """Whether a mail server of that name can only be on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").rpartition(".")[2] == "localhost"


def api_key(value: str) -> str | None:
    """Return a secret or restricted key, None where nothing is set; never shown."""
    if value.startswith(("pk_", "whsec_", "we_", "acct_")) or not value.isascii():
        raise ValueError("it is no secret or restricted key; those start with sk_ or rk_")
    if "..." in value or any(c.isspace() for c in value):
        raise ValueError("it is a placeholder or has white space in it; copy it from the dashboard")
    return value or None


_PLACEHOLDERS = frozenset({"whsec_...", "whsec_", "whsec_xxx", "changeme", "secret", "secretkey"})
_SHORTEST_SECRET = 8


def signing_keys(value: str) -> tuple[str, ...]:
    """Return the keys that sign links and sessions, newest first; never shown."""
    for position, key in enumerate(names(value), 1):
        if _is_placeholder(key):
            raise ValueError(
                f"number {position} is a placeholder or shorter than {_SHORTEST_SECRET}"
                " characters; `openssl rand -hex 32` makes a good one",
            )
    return names(value)


def token(value: str) -> str | None:
    """Return what lets a reader in, None where nothing is set; never shown."""
    if value and (_is_placeholder(value) or not value.isascii()):
        raise ValueError(f"it is a placeholder, shorter than {_SHORTEST_SECRET}, or not ASCII")
    return value or None


def webhook_passwords(value: str) -> tuple[str, ...]:
    """Return what mail providers prove themselves with, newest first; never shown."""
    for position, secret in enumerate(names(value), 1):
        if _is_placeholder(secret) or not secret.isascii() or any(c.isspace() for c in secret):
            raise ValueError(
                f"number {position} is a placeholder, shorter than {_SHORTEST_SECRET}, not ASCII or"
                " has white space in it; `openssl rand -hex 32` makes a good password",
            )
    return names(value)


def webhook_secrets(value: str) -> tuple[str, ...]:
    """Return the signing secrets, newest first; the message never shows one."""
    for position, secret in enumerate(names(value), 1):
        other = secret.startswith(("sk_", "rk_", "pk_", "we_", "acct_"))
        if other or _is_placeholder(secret) or any(c.isspace() for c in secret):
            raise ValueError(
                f"number {position} is a placeholder, another kind of key, too short or has white"
                " space in it; copy the signing secret (whsec_…) from Stripe's dashboard or"
                " `stripe listen`",
            )
    if not names(value):
        raise ValueError("it holds no secret at all")
    return names(value)


def _is_placeholder(secret: str) -> bool:
    dots = "..." in secret or "…" in secret
    return dots or secret.lower() in _PLACEHOLDERS or len(secret) < _SHORTEST_SECRET
