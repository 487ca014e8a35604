"""What the service can know: the newest told state of every Stripe object, in Stripe's order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.simulator.history import Json, key_of

LIVE = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})


@dataclass(slots=True)
class Truth:
    """Objects by type and id, as the newest event told of each shows them.

    `order` is each event's place in Stripe's own order, known only to the test. `refused` holds
    who said no to which topic.
    """

    order: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    _newest: dict[tuple[str, str], tuple[int, Json]] = field(default_factory=dict)

    def tell(self, events: Sequence[Json]) -> None:
        """Take in what events show, whatever their order."""
        for event in events:
            shown, place = event["data"]["object"], self.order[event["id"]]
            key = key_of(shown)
            if key is None or self._newest.get(key, (-1,))[0] >= place:
                continue
            self._newest[key] = (place, shown)
            if event["type"] == "customer.deleted":
                self.deleted.add(shown["id"])

    def find(self, object_type: str, object_id: object) -> Json | None:
        """Return an object as it was told last, None when it never was."""
        found = self._newest.get((object_type, str(object_id)))
        return found[1] if found else None

    def all(self, object_type: str, customer_id: str | None = None) -> Iterator[Json]:
        """Yield the objects of a type, those of one customer or all."""
        for (kind, _), (_, shown) in self._newest.items():
            if kind == object_type and customer_id in {None, shown.get("customer")}:
                yield shown

    def live(self, customer_id: str) -> list[Json]:
        """Return a customer's subscriptions that have not ended."""
        return [each for each in self.all("subscription", customer_id) if each["status"] in LIVE]


def subscription_id(invoice: Json) -> str | None:
    """Return which subscription an invoice is of."""
    details: Any = (invoice.get("parent") or {}).get("subscription_details")
    return details["subscription"] if details else None
