"""Stripe's side of the story: the current objects, and an event for every change of one."""

import random
import string
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.simulator.difference import merged, previous_attributes
from app.simulator.history import API_VERSION, History, Json, key_of
from app.simulator.telling import as_read, as_told

_ALPHABET = string.ascii_letters + string.digits
# How Stripe's ids look: a fixed start, then so many random characters.
_IDS: Mapping[str, tuple[str, int]] = {
    "billing.meter": ("mtr_test_61", 38),
    "charge": ("ch_3", 23),
    "checkout.session": ("cs_test_a1", 56),
    "credit_note": ("cn_1", 23),
    "credit_note_line_item": ("cnli_1", 23),
    "customer": ("cus_", 14),
    "discount": ("di_1", 23),
    "dispute": ("du_1", 23),
    "entitlements.active_entitlement": ("ent_test_61", 32),
    "entitlements.feature": ("feat_test_61", 32),
    "event": ("evt_1", 23),
    "invoice": ("in_1", 23),
    "invoice_payment": ("inpay_1", 23),
    "invoiceitem": ("ii_1", 23),
    "item": ("li_1", 23),
    "line_item": ("il_1", 23),
    "payment_link": ("plink_1", 23),
    "payment_intent": ("pi_3", 23),
    "payment_method": ("pm_1", 23),
    "payout": ("po_1", 23),
    "price": ("price_1", 23),
    "product": ("prod_", 14),
    "promotion_code": ("promo_1", 23),
    "quote": ("qt_1", 23),
    "radar.early_fraud_warning": ("issfr_1", 23),
    "refund": ("re_3", 23),
    "request": ("req_", 14),
    "review": ("prv_1", 23),
    "setup_intent": ("seti_1", 23),
    "subscription": ("sub_1", 23),
    "subscription_item": ("si_", 14),
    "subscription_schedule": ("sub_sched_1", 23),
    "tax_id": ("txi_1", 23),
    "tax_rate": ("txr_1", 23),
    "test_helpers.test_clock": ("clock_1", 23),
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
        # What was used of metered items since their last invoice, by subscription item.
        self.used: dict[str, int] = {}
        # The tax ids of each customer, which no event of the customer shows.
        self.tax_ids: dict[str, list[str]] = {}
        self._rng = random.Random(f"{seed}:stripe")
        self._objects: dict[str, Json] = {}
        self._told: dict[tuple[str, str], Json] = {}
        self._whole: dict[str, Json] = {}
        self._deleted: set[tuple[str, str]] = set()
        self._events: list[Json] = []
        self._request = _BY_STRIPE_ITSELF
        self.account = f"acct_1{self.token(16)}"

    def __getitem__(self, object_id: str) -> Json:
        """Return the current state of an object; KeyError when it never was or is gone."""
        return self._objects[object_id]

    def last_told(self, object_type: str, object_id: str) -> Json:
        """Return what the last event of an object showed, also of one that is gone."""
        return self._told[object_type, object_id]

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
        self.hold(obj)
        self.announce(obj["id"], event_type)
        return str(obj["id"])

    def hold(self, obj: Json) -> None:
        """Add a new object that shall be told a little later, by `announce`."""
        self._objects[obj["id"]] = _ordered(obj)

    def update(self, object_id: str, event_type: str, changes: Mapping[str, Any]) -> Json:
        """Lay `changes` over an object (see `difference.merged`) and tell it by `event_type`.

        Returns what the changed fields held before, for `tell_again`.
        """
        before = self._objects[object_id]
        after = merged(before, changes)
        previous = previous_attributes(as_told(before), as_told(after))
        assert previous, f"{event_type} of {object_id} changes nothing"
        self._objects[object_id] = after
        self._tell(after, event_type, previous if tells_previous(event_type) else None)
        return previous

    def tell_again(self, object_id: str, event_type: str, previous: Json) -> None:
        """Tell the update just made once more, by an event type that says the same."""
        self._tell(self._objects[object_id], event_type, previous)

    def tell_face(self, obj: Json, event_type: str, unlike: Json | None = None) -> None:
        """Tell another face of objects that change elsewhere: a price's plan, a summary.

        An update names what differs from its last telling, or from `unlike` at the first.
        """
        obj = _ordered(obj)
        before = self._told.get(_named(obj), unlike)
        previous = previous_attributes(before, as_told(obj)) if before else None
        self._tell(obj, event_type, previous if tells_previous(event_type) else None)

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
        deleted = frozenset(self._deleted)
        return History(tuple(self._events), dict(self._told), deleted, dict(self._whole))

    def _tell(self, whole: Json, event_type: str, previous: Json | None) -> None:
        self._told[_named(whole)] = self._record(whole, event_type, previous)

    def _record(self, whole: Json, event_type: str, previous: Json | None) -> Json:
        """Add an event; return what it shows of the object."""
        shown = as_told(whole)
        data = {"object": shown}
        if previous is not None:
            data["previous_attributes"] = previous
        event_id = self.new_id("event")
        self._events.append(
            {
                "id": event_id,
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
        if shown is not whole and (read := as_read(whole)) != shown:
            self._whole[event_id] = read
        return shown


def _ordered(obj: Json) -> Json:
    """Return an object with its fields in Stripe's order: by name, after id and object."""
    first = [name for name in ("id", "object") if name in obj]
    return {name: obj[name] for name in [*first, *sorted(obj.keys() - set(first))]}


def _named(obj: Json) -> tuple[str, str]:
    key = key_of(obj)
    assert key, f"{obj['object']} without an id"
    return key


def tells_previous(event_type: str) -> bool:
    """Say whether events of this type carry `previous_attributes`."""
    return event_type.endswith(".updated") or event_type in _TELLS_PREVIOUS
