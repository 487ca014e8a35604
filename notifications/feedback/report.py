"""What a mail provider tells about a mail after it was sent, in one shape for all of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson

from sync.errors import EvergreenError, Malformed

Event = Literal["delivered", "bounced", "complained", "unsubscribed"]
_KEY_HASH = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?")
_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@[^<>@\s]+>")


class NotTheirs(EvergreenError):
    """A delivery that does not prove that it comes from the provider; the text is a slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One thing told about one mail.

    `message` names it: the first half of the effect's key hash, None for a mail that is not
    ours. `for_good`: nobody is at the address, as against a full mailbox.
    """

    event: Event
    address: str | None = field(default=None, repr=False)
    message: str | None = None
    for_good: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook request as it came in; header names in lower case."""

    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


class Reader(Protocol):
    """Reads one provider's deliveries."""

    def __call__(
        self, delivery: Delivery, secrets: Sequence[str], now: datetime
    ) -> Sequence[Report]:
        """Return what a delivery tells; nothing for what does not concern us.

        `now` is real time, `secrets` newest first.

        Raises:
            NotTheirs: it proves nothing, and is not looked into any further.
            Malformed: it is theirs, and cannot be read.
            Unavailable: what it takes to check it cannot be had just now.
        """
        ...


def decoded(content: bytes | str) -> Mapping[str, Any]:
    """Return a JSON object.

    Raises:
        Malformed: it is none.
    """
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Malformed("no JSON") from error
    if not isinstance(found, dict):
        raise Malformed("no JSON object")
    return found


def message_of(value: object) -> str | None:
    """Return which mail a key hash or a Message-ID names; None where neither is ours."""
    if not isinstance(value, str):
        return None
    if _KEY_HASH.fullmatch(value):
        return value[:32]
    in_id = _MESSAGE_ID.fullmatch(value.strip())
    return in_id[1] if in_id else None


def message_in(headers: object) -> str | None:
    """Return which mail headers name, given as `[{"name": …, "value": …}]`."""
    pairs = [each for each in list_of(headers) if isinstance(each, dict)]
    named = {str(pair.get("name")).lower(): pair.get("value") for pair in pairs}
    return message_of(named.get("x-evergreen-key")) or message_of(named.get("message-id"))


def text_of(value: object) -> str | None:
    """Return a text, None for anything else."""
    return value if isinstance(value, str) else None


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return an object's fields, none for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return a list's members, none for anything else."""
    return value if isinstance(value, list) else []
