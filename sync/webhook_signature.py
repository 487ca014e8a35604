"""Signatures of the webhooks that we send, by the Standard Webhooks specification.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who receives, and the keys that sign for them, newest first; neither shows."""

    url: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)
    # Its name may lead into a private network, as the operator says.
    private_too: bool = False

    @property
    def id(self) -> str:
        """Return what stands for the receiver where its address, which may be secret, must not."""
        return hashlib.sha256(self.url.encode()).hexdigest()


_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


def keys(value: str) -> tuple[bytes, ...]:
    """Return the keys that a comma-separated list of secrets stands for, newest first.

    Raises:
        ValueError: one is no `whsec_…` of 24 to 64 bytes in base64; the text never shows it.
    """
    return tuple(_key(part.strip()) for part in value.split(",") if part.strip())


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ValueError(
            "it is no signing secret: whsec_ and 24 to 64 bytes in base64;"
            ' `echo "whsec_$(openssl rand -base64 32)"` makes one'
        )
    return key


def headers(
    signing_keys: Sequence[bytes], message_id: str, content: bytes, at: datetime
) -> Mapping[str, str]:
    """Return the three headers that prove that `content` is ours and new.

    `message_id` holds no full stop and is the same for every attempt. `at` is the real time of
    this attempt, also when the business clock is simulated. Every key signs, so that a
    receiver may change its secret at leisure.
    """
    moment = str(int(at.timestamp()))
    signed = f"{message_id}.{moment}.".encode() + content
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(_signature(key, signed) for key in signing_keys),
    }


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
