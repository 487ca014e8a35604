"""Takes secrets and people out of text that is about to be shown or kept."""

import re
from collections.abc import Mapping
from typing import Any

_SECRET = re.compile(
    r"\b(?:whsec|(?:sk|rk|pk)_(?:live|test|org))_[\w+/=\-]+"  # Stripe's own
    r"|_secret_[A-Za-z0-9]{16,}"  # the client secret of a payment intent
    r"|(?i:\bbearer\s+|\bpassword\s*=\s*)\S+",
)
_CREDENTIALS = re.compile(r"(?<=://)\S+@")
_ADDRESS = re.compile(r"[^\s@<>\"'(),:;=\[\]]+@[^\s@<>\"'(),:;=\[\]]+\.[^\s@<>\"'(),:;=\[\]]{2,}")
# PostgreSQL shows rows below the first line of an error, and a value it cannot read behind it.
_ROWS = re.compile(r"(?:\n|\\n)(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+):.*?(?=\n\[|\Z)", re.DOTALL)
_VALUE = re.compile(r"(invalid input (?:syntax|value) for [^:\n]*:)[^\n]*")
_PATTERNS = (
    (_ROWS, "\n[rows]"),
    (_VALUE, r"\1 [value]"),
    (_SECRET, "[secret]"),
    (_CREDENTIALS, "[credentials]@"),
    (_ADDRESS, "[address]"),
)
_HIDDEN = frozenset(
    ("address api_key authorization cookie email password phone secret token").split()
)
_PLAIN = (bool, int, float, type(None))


def cleaned(value: Any) -> Any:
    """Return `value` as plain data whose texts hold no secret, no address and no row."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {without_secrets(str(key)): _field(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [cleaned(inner) for inner in value]
    return without_secrets(str(value))


def without_secrets(text: str) -> str:
    """Return `text` without secrets, addresses, credentials in URLs and PostgreSQL's rows."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def without_credentials(text: str) -> str:
    """Return `text` without secrets and credentials; addresses and all the rest stay."""
    return _CREDENTIALS.sub("[credentials]@", _SECRET.sub("[secret]", text))


def _field(key: object, value: Any) -> Any:
    return "[hidden]" if str(key).lower() in _HIDDEN and value else cleaned(value)
