"""Resend's webhooks, signed as Svix and the Standard Webhooks specification do.

Source: resend.com/docs/dashboard/webhooks/event-types, docs.svix.com/receiving/verifying-payloads,
github.com/standard-webhooks/standard-webhooks (the signature scheme).
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from datetime import datetime

from notifications.feedback.report import (
    Delivery,
    Event,
    NotTheirs,
    Report,
    decoded,
    mapping_of,
    message_in,
    message_of,
    text_of,
)

TOLERANCE_S = 300
_LONGEST_HEADER = 1000
_LONGEST_TIME = 12  # digits
_EVENTS: Mapping[str, Event] = {
    "email.delivered": "delivered",
    "email.bounced": "bounced",
    "email.suppressed": "bounced",
    "email.complained": "complained",
}


def read(delivery: Delivery, secrets: Sequence[str], now: datetime) -> Sequence[Report]:
    """Return what a delivery of Resend tells; raises as `Reader` says."""
    _verify(delivery, secrets, now)
    told = decoded(delivery.content)
    event = _EVENTS.get(str(told.get("type")))
    if event is None:
        return []
    data = mapping_of(told.get("data"))
    sort = mapping_of(data.get("bounce")).get("type")
    tags = mapping_of(data.get("tags"))
    return [
        Report(
            event=event,
            address=_only(data.get("to")),
            message=message_of(tags.get("evergreen_key")) or message_in(data.get("headers")),
            # Resend tells of bounces that are permanent; Transient and Undetermined say so.
            for_good=event == "bounced" and sort not in {"Transient", "Undetermined"},
        )
    ]


def _only(recipients: object) -> str | None:
    """Return the one recipient: of several, nobody can tell whom it is about."""
    if isinstance(recipients, list) and len(recipients) == 1:
        return text_of(recipients[0])
    return text_of(recipients)


def _verify(delivery: Delivery, secrets: Sequence[str], now: datetime) -> None:
    given = [delivery.headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature")]
    identity, moment, signatures = given
    if not all(given) or max(map(len, given)) > _LONGEST_HEADER:
        raise NotTheirs("signature_missing")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= _LONGEST_TIME):
        raise NotTheirs("signature_time")
    if abs(now.timestamp() - int(moment)) > TOLERANCE_S:
        raise NotTheirs("signature_time")
    signed = f"{identity}.{moment}.".encode() + delivery.content
    expected = [_signature(key, signed) for key in filter(None, map(_key, secrets))]
    found = [part.encode() for part in signatures.split(" ")]
    matches = [hmac.compare_digest(one, other) for one in expected for other in found]
    if not any(matches):
        raise NotTheirs("signature_wrong")


def _key(secret: str) -> bytes:
    """Return the key that a secret of Resend stands for; another provider's stands for none."""
    prefix, _, encoded = secret.partition("_")
    try:
        return b64decode(encoded, validate=True) if prefix == "whsec" else b""
    except (Error, ValueError):
        return b""


def _signature(key: bytes, signed: bytes) -> bytes:
    return b"v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest())
