"""What the address asks for: checked words, never trusted ones."""

from collections.abc import Collection

from flask import request

from sync.errors import Malformed

_LONGEST = 255


def text(name: str) -> str:
    """Return the argument without the white space around it; empty when it is not given.

    Raises:
        Malformed: it is longer than any id.
    """
    value = request.args.get(name, "").strip()
    if len(value) > _LONGEST:
        raise Malformed(f"{name} is too long")
    return value


def choice(name: str, allowed: Collection[str]) -> str:
    """Return the argument, which is one of `allowed`; empty when it is not given.

    Raises:
        Malformed: it is another word.
    """
    value = text(name)
    if value and value not in allowed:
        raise Malformed(f"{name} must be one of {', '.join(allowed)}")
    return value


def before() -> str | None:
    """Return the token of the page asked for, None for the first."""
    return request.args.get("before") or None
