"""From raw bytes to an event the mirror can use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sync.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A snapshot event as Stripe sent it, its envelope typed.

    `object` is the whole object as it was at `created` (whole seconds); `previous` names
    what an update changed, with the values from before, None where the type has no such diff.
    """

    id: str
    type: str
    created: datetime
    account: str
    livemode: bool
    object: Mapping[str, Any]
    previous: Mapping[str, Any] | None = None

    @property
    def object_type(self) -> str:
        """Return Stripe's name of the object's type, such as `invoice`."""
        return str(self.object.get("object", ""))

    @property
    def object_id(self) -> str | None:
        """Return the object's id; None for the few that have none (`invoice.upcoming`)."""
        found = self.object.get("id")
        return found if isinstance(found, str) else None


def parse(payload: bytes) -> Event:
    """Return the event in `payload`.

    Raises:
        Malformed: it is no JSON, or no snapshot event; the message is a slug.
    """
    try:
        body = orjson.loads(payload)
    except ValueError as error:
        raise Malformed("not_json") from error
    if not isinstance(body, dict):
        raise Malformed("not_an_object")
    if body.get("object") == "v2.core.event":
        raise Malformed("thin_event")
    return _typed(body)


def _typed(body: Mapping[str, Any]) -> Event:
    try:
        data = body["data"]
        subject, previous = data["object"], data.get("previous_attributes")
        if not isinstance(subject, dict) or not isinstance(previous, dict | None):
            raise Malformed("not_a_snapshot")
        return Event(
            id=body["id"],
            type=body["type"],
            created=datetime.fromtimestamp(body["created"], UTC),
            account=body.get("account") or "",
            livemode=bool(body.get("livemode")),
            object=subject,
            previous=previous,
        )
    except (KeyError, TypeError, AttributeError, OverflowError, OSError, ValueError) as error:
        raise Malformed("not_a_snapshot") from error
