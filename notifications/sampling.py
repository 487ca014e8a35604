"""Of which mails marketing gets a copy."""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType

from notifications.timing import TIMINGS
from sync.errors import SettingsError

ALL = "*"
NONE = "none"
# Where links in copies lead: see `app.mail_copy`.
DEAD_LINK_PATH = "/copy"
_PART = re.compile(r"(?P<kind>\*|[a-z_]+):(?P<percent>\d{1,3})%")


def parse(text: str) -> Mapping[str, int]:
    """Return the percentages of `payment_failed:10%,receipt:0%`, by kind; `*` for all others.

    A kind not named has the first mail of each day and variant copied. `none` copies nothing.

    Raises:
        SettingsError: the text has another form; says which part and what is allowed.
    """
    if text.strip() == NONE:
        return MappingProxyType({ALL: 0})
    return MappingProxyType(dict(_part(part.strip()) for part in text.split(",") if part.strip()))


def _part(part: str) -> tuple[str, int]:
    found = _PART.fullmatch(part)
    if found is None or not 0 <= int(found["percent"]) <= 100:  # noqa: PLR2004 — percent
        raise SettingsError(f"{part!r}: write kind:10%, *:10% for all others, or none")
    if found["kind"] not in {ALL, *TIMINGS}:
        raise SettingsError(f"no kind of mail is called {found['kind']!r}")
    return found["kind"], int(found["percent"])


def percent_of(sample: Mapping[str, int], kind: str) -> int | None:
    """Return how many of a hundred mails are copied; None: the first of each day."""
    return sample.get(kind, sample.get(ALL))


def falls_in(key: str, percent: int) -> bool:
    """Tell whether the mail `key` is among so many of a hundred; always the same answer."""
    digest = hashlib.sha256(f"copy:{key}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < percent
