"""The console's one password, kept as a salted scrypt hash."""

from werkzeug.security import check_password_hash, generate_password_hash

from sync.errors import Malformed

SHORTEST = 12
LONGEST = 1024
_METHOD = "scrypt"


def hashed(password: str) -> str:
    """Return the hash of `password`, salted.

    Raises:
        Malformed: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise Malformed(f"a password has {SHORTEST} to {LONGEST} characters")
    return generate_password_hash(password, method=_METHOD)


def is_hash(value: str) -> bool:
    """Tell whether `value` looks like what `hashed` returns."""
    method, *rest = value.split("$")
    return method.startswith(f"{_METHOD}:") and len(rest) == 2 and all(rest)  # noqa: PLR2004 — salt and hash


def matches(password_hash: str, password: str) -> bool:
    """Tell whether `password` is the one; takes about a tenth of a second on purpose."""
    return len(password) <= LONGEST and check_password_hash(password_hash, password)
