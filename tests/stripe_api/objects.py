"""Small Stripe objects: only what the API's own behaviour needs."""

from datetime import UTC, datetime
from typing import Any

KEY = "sk_test_evergreen"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
DAY_S = 86_400


def obj(object_type: str, object_id: str, created: int = NOW_S, **fields: Any) -> dict[str, Any]:
    return {"id": object_id, "object": object_type, "created": created, **fields}


def listed(*data: dict[str, Any], url: str) -> dict[str, Any]:
    return {"object": "list", "data": list(data), "has_more": False, "url": url}


def subscription(object_id: str, status: str = "active", **fields: Any) -> dict[str, Any]:
    return obj("subscription", object_id, status=status, **fields)


def event(event_id: str, created: int, snapshot: dict[str, Any], event_type: str) -> dict[str, Any]:
    return obj("event", event_id, created, type=event_type, data={"object": snapshot})


def line(number: int, invoice: str) -> dict[str, Any]:
    return {"id": f"il_{number:02}", "object": "line_item", "invoice": invoice, "amount": number}


def invoice(object_id: str, lines: int, **fields: Any) -> dict[str, Any]:
    embedded = listed(
        *(line(number, object_id) for number in range(lines)),
        url=f"/v1/invoices/{object_id}/lines",
    )
    return obj("invoice", object_id, lines=embedded, **fields)
