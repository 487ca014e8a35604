"""Deliveries of the providers' webhooks, as the providers would prove them to be theirs."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from notifications.feedback import READERS
from notifications.feedback.report import Delivery, Report

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
PASSWORD = "a-long-password"
RESEND_KEY = b"0123456789abcdef01234567"
RESEND_SECRET = "whsec_" + b64encode(RESEND_KEY).decode()
SECRETS = (RESEND_SECRET, "older-password", PASSWORD)
HASH = "ab" * 32
MESSAGE = HASH[:32]
ADA = "ada@customer.example"
Json = dict[str, Any]


def basic(password: str = PASSWORD, user: str = "evergreen") -> dict[str, str]:
    told = b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {told}"}


def read(
    provider: str,
    body: Any,
    headers: dict[str, str] | None = None,
    secrets: Sequence[str] = SECRETS,
) -> Sequence[Report]:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    if headers is None:
        headers = svix(content) if provider == "resend" else basic()
    return READERS[provider](Delivery(headers=headers, content=content), secrets, NOW)


def svix(
    content: bytes, *, key: bytes = RESEND_KEY, at: datetime = NOW, **changed: str
) -> dict[str, str]:
    moment = changed.pop("moment", str(int(at.timestamp())))
    digest = hmac.new(key, f"msg_1.{moment}.".encode() + content, hashlib.sha256).digest()
    signature = f"v1,{b64encode(digest).decode()}"
    named = {"id": "msg_1", "timestamp": moment, "signature": signature, **changed}
    return {f"svix-{name}": value for name, value in named.items()}
