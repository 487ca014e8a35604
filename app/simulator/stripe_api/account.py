"""What one Stripe account holds: its objects, those that are gone, and its events."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from app.simulator.history import History, Json

# These say that something ended, not that it is gone.
_ENDED = frozenset({"customer.subscription.deleted"})


def _real_time() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Answered:
    """What one idempotency key was first used for (path and form), when, and the answer."""

    at: datetime
    request: tuple[str, str]
    answer: Json


@dataclass(slots=True)
class Account:
    """The state behind the API; it may change while the server runs.

    Objects are whole: fields that Stripe shows only when expanded, and lists with all their
    elements. `now` is Stripe's clock. Hold `lock` to read or change several things at once.
    `answered` holds what write requests were answered, by idempotency key; `webhook` gets the
    events that they cause.
    """

    id: str = "acct_1Evergreen"
    now: Callable[[], datetime] = _real_time
    events: list[Json] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    portal_pages: str = "https://billing.stripe.com/p/session"
    checkout_pages: str = "https://checkout.stripe.com/c/pay"
    webhook: Callable[[Json], object] | None = None
    answered: dict[str, Answered] = field(default_factory=dict)
    _objects: dict[str, dict[str, Json]] = field(default_factory=dict)
    _deleted: dict[tuple[str, str], Json] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def new_id(self, prefix: str) -> str:
        """Return an id for what a write request makes."""
        return f"{prefix}_{self.id.removeprefix('acct_')}{next(self._numbers):06}"

    def cause(self, event: Json) -> None:
        """Record an event that a write request caused, and send it."""
        self.tell(event)
        if self.webhook:
            self.webhook(event)

    def remember(self, key: str, request: tuple[str, str], answer: Json) -> None:
        """Keep what a request with an idempotency key was answered."""
        self.answered[key] = Answered(self.now(), request, answer)

    def put(self, *objects: Json) -> None:
        """Add objects, or replace those of the same type and id."""
        with self.lock:
            for obj in objects:
                self._objects.setdefault(obj["object"], {})[obj["id"]] = obj

    def remove(self, object_type: str, object_id: str) -> None:
        """Delete an object; one that is not there stays so."""
        with self.lock:
            gone = self._objects.get(object_type, {}).pop(object_id, None)
            if gone is not None:
                self._deleted[object_type, object_id] = gone

    def tell(self, *events: Json) -> None:
        """Record events, oldest first, and bring the objects to the state that they show."""
        with self.lock:
            for event in events:
                self.events.append(event)
                self._follow(event["type"], event["data"]["object"])

    def _follow(self, event_type: str, snapshot: Json) -> None:
        if "id" not in snapshot:  # a preview, such as `invoice.upcoming`
            return
        self.put(snapshot)
        if event_type.endswith(".deleted") and event_type not in _ENDED:
            self.remove(snapshot["object"], snapshot["id"])

    def get(self, object_type: str, object_id: str) -> Json | None:
        """Return an object, None when it never was or is gone."""
        if object_type == "subscription_item":
            return next((o for o in self.all(object_type) if o["id"] == object_id), None)
        return self._objects.get(object_type, {}).get(object_id)

    def gone(self, object_type: str, object_id: str) -> Json | None:
        """Return what a deleted object was last, None when no such one was deleted."""
        return self._deleted.get((object_type, object_id))

    def find(self, object_id: str, likely_type: str) -> Json | None:
        """Return the object with this id, of `likely_type` where several types share it."""
        types = [likely_type, *(name for name in self._objects if name != likely_type)]
        return next((found for name in types if (found := self.get(name, object_id))), None)

    def all(self, object_type: str) -> Iterable[Json]:
        """Return all objects of a type; subscription items as their subscriptions show them."""
        own = self._objects.get(object_type, {})
        return {**_embedded_items(self), **own}.values() if _is_item(object_type) else own.values()

    def keys(self) -> set[tuple[str, str]]:
        """Return (type, id) of all objects that were put or told."""
        return {(name, each) for name, objects in self._objects.items() for each in objects}


def from_history(
    history: History, *, until: datetime | None = None, now: Callable[[], datetime] = _real_time
) -> Account:
    """Return the account as a simulated history leaves it, or as it stood at `until`."""
    account = Account(now=now)
    end = until.timestamp() if until else float("inf")
    for event in history.events:
        if event["created"] <= end:
            account.tell(event)
            whole = history.whole.get(event["id"])
            if whole and account.get(whole["object"], whole.get("id", "")):
                account.put(whole)
    return account


def _is_item(object_type: str) -> bool:
    return object_type == "subscription_item"


def _embedded_items(account: Account) -> dict[str, Json]:
    return {item["id"]: item for item in _items(account.all("subscription"))}


def _items(subscriptions: Iterable[Json]) -> Iterator[Json]:
    for subscription in subscriptions:
        yield from (subscription.get("items") or {}).get("data", ())
