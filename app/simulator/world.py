"""Stripe's side of the story: the current objects, and an event for every change of one."""

import random
import string
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.simulator.difference import merged, previous_attributes
from app.simulator.history import API_VERSION, History, Json

_ALPHABET = string.ascii_letters + string.digits
# How Stripe's ids look: a fixed start, then so many random characters.
_IDS: Mapping[str, tuple[str, int]] = {
    "charge": ("ch_3", 23),
    "checkout.session": ("cs_test_a1", 56),
    "credit_note": ("cn_1", 23),
    "credit_note_line_item": ("cnli_1", 23),
    "customer": ("cus_", 14),
    "event": ("evt_1", 23),
    "invoice": ("in_1", 23),
    "invoice_payment": ("inpay_1", 23),
    "invoiceitem": ("ii_1", 23),
    "line_item": ("il_1", 23),
    "payment_intent": ("pi_3", 23),
    "payment_method": ("pm_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
    "setup_intent": ("seti_1", 23),
    "subscription": ("sub_1", 23),
    "subscription_item": ("si_", 14),
    "transaction": ("txn_3", 23),
}
_BY_STRIPE_ITSELF: Json = {"id": None, "idempotency_key": None}
# Besides `*.updated`, these tell what the changed fields held before.
_TELLS_PREVIOUS = frozenset(
    {"charge.refunded", "payment_method.automatically_updated", "payment_method.detached"},
)


class World:
    """All objects of one Stripe account. Every change goes through here and makes an event.

    `now` is the world's Unix second: several events may share it, and it never goes back.
    The same seed and the same calls give the same history, byte for byte.
    """

    def __init__(self, seed: str, now: int) -> None:
        self.now = now
        # Since basil neither an invoice nor its payment names the other; Stripe ties them
        # by InvoicePayments, which are told only once paid.
        self.payment_of: dict[str, str] = {}
        # Invoice items that wait for the next invoice, by subscription.
        self.pending: dict[str, list[str]] = {}
        self._rng = random.Random(f"{seed}:stripe")
        self._objects: dict[str, Json] = {}
        self._told: dict[tuple[str, str], Json] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._events: list[Json] = []
        self._request = _BY_STRIPE_ITSELF
        self.account = f"acct_1{self.token(16)}"

    def __getitem__(self, object_id: str) -> Json:
        """Return the current state of an object; KeyError when it never was or is gone."""
        return self._objects[object_id]

    def token(self, length: int) -> str:
        """Return random letters and digits."""
        return "".join(self._rng.choices(_ALPHABET, k=length))

    def new_id(self, kind: str) -> str:
        """Return a fresh id as Stripe would give it to an object of this type."""
        prefix, length = _IDS[kind]
        return prefix + self.token(length)

    def tick(self, seconds: int = 1) -> None:
        """Let time pass inside one action: what follows gets a later second."""
        self.now += seconds

    @contextmanager
    def request(self) -> Iterator[None]:
        """Mark the events of this block as caused by one API request of the shop."""
        outer = self._request
        key = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        self._request = {"id": self.new_id("request"), "idempotency_key": key}
        try:
            yield
        finally:
            self._request = outer

    def create(self, obj: Json, event_type: str) -> str:
        """Add a new object, told by `event_type`; return its id."""
        self._objects[obj["id"]] = _ordered(obj)
        self.announce(obj["id"], event_type)
        return str(obj["id"])

    def update(self, object_id: str, event_type: str, changes: Mapping[str, Any]) -> Json:
        """Lay `changes` over an object (see `difference.merged`) and tell it by `event_type`.

        Returns what the changed fields held before, for `tell_again`.
        """
        before = self._objects[object_id]
        after = merged(before, changes)
        previous = previous_attributes(before, after)
        assert previous, f"{event_type} of {object_id} changes nothing"
        self._objects[object_id] = after
        self._tell(after, event_type, previous if tells_previous(event_type) else None)
        return previous

    def tell_again(self, object_id: str, event_type: str, previous: Json) -> None:
        """Tell the update just made once more, by an event type that says the same."""
        self._tell(self._objects[object_id], event_type, previous)

    def drift(self, object_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields without an event of their own; the object's next event shows them."""
        self._objects[object_id] = merged(self._objects[object_id], changes)

    def announce(self, object_id: str, event_type: str) -> None:
        """Tell that something happened to an object, which is unchanged by it."""
        assert not tells_previous(event_type), f"{event_type} tells a change"
        self._tell(self._objects[object_id], event_type, None)

    def announce_preview(self, obj: Json, event_type: str) -> None:
        """Tell about something that is no object yet and has no id (`invoice.upcoming`)."""
        self._record(_ordered(obj), event_type, None)

    def delete(self, object_id: str, event_type: str) -> None:
        """Remove an object. Its last event shows it whole, without a `deleted` flag."""
        gone = self._objects.pop(object_id)
        self._tell(gone, event_type, None)
        self._deleted.add((gone["object"], object_id))

    def history(self) -> History:
        """Return everything told so far."""
        return History(tuple(self._events), dict(self._told), frozenset(self._deleted))

    def _tell(self, snapshot: Json, event_type: str, previous: Json | None) -> None:
        self._told[snapshot["object"], snapshot["id"]] = snapshot
        self._record(snapshot, event_type, previous)

    def _record(self, snapshot: Json, event_type: str, previous: Json | None) -> None:
        data = {"object": snapshot}
        if previous is not None:
            data["previous_attributes"] = previous
        self._events.append(
            {
                "id": self.new_id("event"),
                "object": "event",
                "api_version": API_VERSION,
                "created": self.now,
                "data": data,
                "livemode": False,
                "pending_webhooks": 1,
                "request": self._request,
                "type": event_type,
            },
        )


def _ordered(obj: Json) -> Json:
    """Return an object with its fields in Stripe's order: by name, after id and object."""
    first = [name for name in ("id", "object") if name in obj]
    return {name: obj[name] for name in [*first, *sorted(obj.keys() - set(first))]}


def tells_previous(event_type: str) -> bool:
    """Say whether events of this type carry `previous_attributes`."""
    return event_type.endswith(".updated") or event_type in _TELLS_PREVIOUS
