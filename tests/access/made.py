"""Made-up facts, short enough to say in one line what matters; and a receiver's own verifier."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sync.access.standing import Bill, Facts, Subscription

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
START = NOW - 300 * DAY
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
TOLERANCE_S = 300


def sub(status: str = "active", **given: Any) -> Subscription:
    facts: dict[str, Any] = {"id": "sub_1", "since": START}
    return Subscription(status=status, **(facts | given))


def bill(asked_at: datetime = NOW, **given: Any) -> Bill:
    facts: dict[str, Any] = {
        "id": "in_1",
        "subscription": "sub_1",
        "is_sent": False,
        "pay_url": "https://pay.example/1",
    }
    return Bill(asked_at=asked_at, **(facts | given))


def known(*subscriptions: Subscription, bills: tuple[Bill, ...] = (), **given: Any) -> Facts:
    facts: dict[str, Any] = {
        "account": "",
        "customer_id": "cus_1",
        "livemode": False,
        "created": START,
    }
    return Facts(subscriptions=subscriptions, bills=bills, **(facts | given))


def verified(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Return the id of a message, as a receiver that follows the specification does.

    Written from the text of the specification alone: id, timestamp and payload joined by full
    stops, HMAC-SHA256 with the base64-decoded secret, a list of versioned signatures divided by
    spaces, and a tolerance for the time.
    """
    identity, moment = headers["webhook-id"], headers["webhook-timestamp"]
    assert "." not in identity, "an id with a full stop can be forged"
    assert moment.isdigit(), "seconds since the epoch"
    assert abs(now.timestamp() - int(moment)) <= TOLERANCE_S, "too old or from the future"
    key = base64.b64decode(secret.split("_", 1)[1])
    content = b".".join([identity.encode(), moment.encode(), body])
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    versioned = [part.partition(",") for part in headers["webhook-signature"].split(" ")]
    given = [signature for version, _, signature in versioned if version == "v1"]
    assert any(hmac.compare_digest(expected, each) for each in given), "not theirs"
    return identity
