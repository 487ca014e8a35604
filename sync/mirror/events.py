"""From raw bytes to an event the mirror can use; a reading from the API is told as one, too."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sync.errors import Malformed

# What no event told but Stripe's API: how an object stood at `created`, or that it is gone.
READ, GONE = "api.read", "api.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A snapshot event as Stripe sent it, its envelope typed; or a reading (`READ`, `GONE`).

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
    def is_reading(self) -> bool:
        """Whether this is what the API answered, not what an event told."""
        return self.type in {READ, GONE}

    @property
    def object_type(self) -> str:
        """Return Stripe's name of the object's type, such as `invoice`."""
        return str(self.object.get("object", ""))

    @property
    def object_id(self) -> str | None:
        """Return the object's id; None for the few that have none (`invoice.upcoming`)."""
        found = self.object.get("id")
        return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinEvent:
    """An event that names an object and does not show it: the object is to be read.

    `path` is where the API shows it. `snapshot_event` is the event that tells the same and
    shows the object, where Stripe names one.
    """

    id: str
    type: str
    created: datetime
    account: str
    livemode: bool
    object_type: str
    object_id: str
    path: str
    snapshot_event: str | None = None


def parse(payload: bytes) -> Event | ThinEvent:
    """Return the event in `payload`.

    Raises:
        Malformed: it is no JSON, or no event; the message is a slug.
    """
    try:
        body = orjson.loads(payload)
    except ValueError as error:
        raise Malformed("not_json") from error
    if not isinstance(body, dict):
        raise Malformed("not_an_object")
    return _thin(body) if body.get("object") == "v2.core.event" else _typed(body)


def usable(payload: bytes) -> Event | None:
    """Return the event in `payload`, None where it is none or shows no object: see `parse`."""
    try:
        event = parse(payload)
    except Malformed:
        return None
    return event if isinstance(event, Event) else None


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


def _thin(body: Mapping[str, Any]) -> ThinEvent:
    """Return the typed thin event: of version 2, or one that wraps an object of version 1.

    Source: docs.stripe.com/event-destinations, "thin events".
    """
    try:
        related = body["related_object"]
        if not isinstance(related, dict):
            raise Malformed("thin_event_without_object")
        return ThinEvent(
            id=_text(body["id"]),
            type=_text(body["type"]).removeprefix("v1."),
            created=datetime.fromisoformat(body["created"]).astimezone(UTC),
            account=_text(body.get("context") or ""),
            livemode=bool(body.get("livemode")),
            object_type=_text(related["type"]).removeprefix("v1."),
            object_id=_text(related["id"]),
            path=_path(related["url"]),
            snapshot_event=body.get("snapshot_event"),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, ValueError) as error:
        raise Malformed("not_a_thin_event") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(url: Any) -> str:
    """Return the path of a related object; anything but a path below the API's root is refused."""
    path = _text(url)
    if not path.startswith(("/v1/", "/v2/")) or ".." in path:
        raise ValueError
    return path
