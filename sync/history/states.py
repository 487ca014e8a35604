"""A subscription's state as one event shows it, kept so that its amounts can be told again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync.history.prices import terms_of
from sync.mirror.events import GONE, Event
from sync.mirror.objects import discount
from sync.mirror.shapes import (
    Json,
    at,
    boolean,
    instant,
    integer,
    items_of,
    price_of_item,
    product_of_price,
    recurring_of_price,
    ref,
    string,
    unit_amount,
    usage_of_price,
)
from sync.mirror.tables import Row


@dataclass(frozen=True, slots=True)
class State:
    """What one event shows of a subscription: its own row, and a row per item.

    The rows are those of the history's tables, without what `deriving` adds to them.
    """

    row: Row
    items: tuple[Row, ...]

    @property
    def currency(self) -> str | None:
        """Return the currency the subscription is billed in."""
        found = self.row["currency"] or next((item["currency"] for item in self.items), None)
        return found if found is None else str(found)

    def foreign(self, item: Row) -> str | None:
        """Return the state's currency where an item shows its price in another one."""
        same = item["currency"] in {None, self.currency}
        return None if same else self.currency


def is_subscription(event: Event) -> bool:
    """Tell whether an event shows a subscription."""
    return event.object_type == "subscription" and event.object_id is not None


def key_of(event: Event) -> str:
    """Return the history's name for a state: its event, or the second it was read at."""
    read = f"api:{event.object_id}:{event.created.timestamp():.0f}"
    return read if event.is_reading else event.id


def state_of(event: Event) -> State:
    """Return the state that `event` shows; of a subscription that is gone, that it is."""
    shown, listed = event.object, items_of(event.object)
    row = {
        "account": event.account,
        "event_id": key_of(event),
        "subscription": event.object_id,
        "state_at": event.created,
        "source": "api" if event.is_reading else "event",
        "livemode": event.livemode,
        "last_in_second": True,
        "provisional": False,
        "incomplete": bool(listed.get("has_more")),
        **_columns(shown),
    }
    if event.type == GONE:
        row["status"] = "gone"
    items = {str(item["id"]): item for item in listed.get("data", ())}
    return State(row, tuple(_item(item) for item in items.values()))


def _columns(shown: Json) -> Row:
    return {
        "customer": ref(shown.get("customer")),
        "status": string(shown.get("status")),
        "pause_collection_behavior": string(at(shown, "pause_collection", "behavior")),
        "currency": string(shown.get("currency")),
        "cancel_at_period_end": boolean(shown.get("cancel_at_period_end")),
        "cancel_at": instant(shown.get("cancel_at")),
        "canceled_at": instant(shown.get("canceled_at")),
        "ended_at": instant(shown.get("ended_at")),
        "cancellation_reason": string(at(shown, "cancellation_details", "reason")),
        "trial_end": instant(shown.get("trial_end")),
        "discounts": discount.on(shown) or None,
    }


def _item(item: Json) -> Row:
    price = price_of_item(item)
    interval, interval_count = recurring_of_price(price)
    usage_type, meter = usage_of_price(price)
    return {
        "item": item["id"],
        "price": ref(price) or ref(item.get("price")),
        "product": product_of_price(price),
        "quantity": integer(item.get("quantity")),
        "currency": string(price.get("currency")),
        "unit_amount_decimal": _amount(price),
        "recurring_interval": interval,
        "recurring_interval_count": interval_count,
        "metered": usage_type == "metered" or meter is not None,
        "terms": _terms(item, price) or None,
    }


def _amount(price: Json) -> str | None:
    whole, decimal = unit_amount(price)
    return decimal if whole is None else str(whole)


def _terms(item: Json, price: Json) -> dict[str, Any]:
    own = discount.on(item)
    return {**terms_of(price), **({"discounts": own} if own else {})}


def restored(row: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> State:
    """Return the state that stands in the history under `row` and `items`."""
    return State(dict(row), tuple(dict(item) for item in items))
