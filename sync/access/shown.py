"""Access as the shop is told of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sync.access.standing import Access


def shown(customer_id: str, access: Access) -> Mapping[str, Any]:
    """Return what the shop is told, by answer and by webhook alike; times in UTC, ISO 8601."""
    return {
        "customer": customer_id,
        "state": access.state,
        "since": iso(access.since),
        "until": iso(access.until),
        "reason": access.reason,
        "restored_by": access.restored_by,
    }


def iso(moment: datetime | None) -> str | None:
    """Return a time in UTC, in whole seconds."""
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
