"""What a subscription costs beside its list prices, and what it is paid with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from sync.history import known
from sync.history.amounts import Discount
from sync.history.discounts import Sources, of_customer, resolve
from sync.history.states import State
from sync.mirror.objects import (
    customer,
    discount,
    payment_method,
    price,
    product,
    subscription,
    subscription_schedule,
)
from sync.mirror.shapes import (
    Json,
    instant,
    items_of,
    mappings,
    price_of_item,
    recurring_of_price,
    ref,
    string,
    unit_amount,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to pay; what is None, the mirror does not know, or it is no card."""

    id: str
    type: str | None = None
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFacts:
    """One price; `unit_amount_minor` is None for tiers and meters."""

    id: str
    product_name: str | None
    currency: str | None
    unit_amount_minor: int | None
    interval: str | None
    interval_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one subscription.

    `discounts` are those on the whole, `of_customer` those that hold where the subscription has
    none of its own, `of_items` those on single items, by item. `is_complete`: every coupon is
    known. `method` is what would be charged. `schedule` is the one that has the subscription in
    hand, as Stripe shows it, and `prices` those of its phases.
    """

    discounts: Sequence[Discount] = ()
    of_customer: Sequence[Discount] = ()
    of_items: Mapping[str, Sequence[Discount]] = field(default_factory=dict)
    is_complete: bool = True
    method: Method | None = None
    schedule: Json | None = None
    prices: Mapping[str, PriceFacts] = field(default_factory=dict)


def load(conn: Connection, account: str, subscription_id: str, schedule_id: str | None) -> Terms:
    """Return the terms as the mirror knows them; one query for a plain subscription.

    `schedule_id` is whose phases matter; None: those of the schedule it is in the hand of.
    """
    row = conn.execute(_shown(account, subscription_id)).one_or_none()
    if row is None:
        return Terms()
    state, sources = _state(row, account), Sources()
    found = known.load(conn, [state])
    customer_id, currency = state.row["customer"], state.currency
    whole = resolve(state.row["discounts"] or (), account, currency, found, sources)
    customers = of_customer(customer_id, account, currency, found, sources)
    plan_id = schedule_id or row.schedule
    schedule = _schedule(conn, account, plan_id) if plan_id else None
    return Terms(
        discounts=whole,
        of_customer=customers,
        of_items={
            item["item"]: resolve(
                item["terms"].get("discounts", ()), account, currency, found, sources
            )
            for item in state.items
        },
        is_complete=not sources.missing,
        method=_method(conn, account, charged_method(row)),
        schedule=schedule,
        prices=_prices(conn, account, phase_prices(schedule or {})),
    )


def charged_method(row: Row[Any]) -> str | None:
    """Return the id of what would be charged. Source: lifecycle, section 2."""
    return (
        row.default_payment_method
        or ref(row.data.get("default_source"))
        or row.customers_method
        or row.customers_source
    )


def _shown(account: str, subscription_id: str) -> Any:
    sub, who = subscription.TABLE.c, customer.TABLE.c
    of_customer = and_(who.id == sub.customer, who.account == sub.account)
    return (
        select(
            sub.data,
            sub.customer,
            sub.currency,
            sub.default_payment_method,
            sub.schedule,
            who.default_payment_method.label("customers_method"),
            who.default_source.label("customers_source"),
        )
        .join_from(subscription.TABLE, customer.TABLE, of_customer, isouter=True)
        .where(sub.id == subscription_id, sub.account == account)
    )


def _state(row: Row[Any], account: str) -> State:
    """Return as much of a history's state as discounts are told by."""
    shown = {
        "account": account,
        "customer": row.customer,
        "currency": row.currency,
        "discounts": discount.on(row.data) or None,
    }
    return State(shown, tuple(_item(item) for item in mappings(items_of(row.data).get("data"))))


def _item(item: Json) -> dict[str, Any]:
    whole, decimal = unit_amount(price_of_item(item))
    return {
        "item": item["id"],
        "price": None,
        "currency": string(price_of_item(item).get("currency")),
        "unit_amount_decimal": decimal if whole is None else str(whole),
        "terms": {"discounts": discount.on(item)},
    }


def _method(conn: Connection, account: str, method_id: str | None) -> Method | None:
    if method_id is None:
        return None
    table = payment_method.TABLE.c
    wanted = select(payment_method.TABLE).where(table.id == method_id, table.account == account)
    row = conn.execute(wanted).one_or_none()
    if row is None:
        return Method(id=method_id)
    return Method(
        id=row.id,
        type=row.type,
        brand=row.card_brand,
        last4=row.card_last4,
        exp_month=row.card_exp_month,
        exp_year=row.card_exp_year,
    )


def _schedule(conn: Connection, account: str, schedule_id: str) -> Json | None:
    table = subscription_schedule.TABLE.c
    wanted = select(table.data).where(table.id == schedule_id, table.account == account)
    found: Json | None = conn.execute(wanted).scalar()
    return found


def phase_prices(schedule: Json) -> list[str]:
    """Return the prices of all phases; items were `plans` until 2020-08-27."""
    phases = mappings(schedule.get("phases"))
    return [found for phase in phases for item in phase_items(phase) if (found := price_id(item))]


def phase_items(phase: Json) -> list[Json]:
    """Return what a phase of a schedule sells."""
    return mappings(phase.get("items")) or mappings(phase.get("plans"))


def price_id(item: Json) -> str | None:
    """Return the price of a phase's item."""
    return ref(item.get("price")) or ref(item.get("plan"))


def phase_at(schedule: Json, start: Any) -> Json | None:
    """Return the phase that begins at `start`, None where none does."""
    phases = mappings(schedule.get("phases"))
    return next((each for each in phases if instant(each.get("start_date")) == start), None)


def _prices(conn: Connection, account: str, ids: Sequence[str]) -> Mapping[str, PriceFacts]:
    if not ids:
        return {}
    one, sold = price.TABLE.c, product.TABLE.c
    same = and_(sold.id == one.product, sold.account == one.account)
    wanted = (
        select(price.TABLE, sold.name.label("product_name"))
        .outerjoin(product.TABLE, same)
        .where(one.id.in_(sorted(set(ids))), one.account == account)
    )
    return {row.id: _price(row) for row in conn.execute(wanted)}


def _price(row: Row[Any]) -> PriceFacts:
    interval, count = recurring_of_price(row.data)
    return PriceFacts(
        id=row.id,
        product_name=row.product_name,
        currency=row.currency,
        unit_amount_minor=row.unit_amount_minor,
        interval=row.recurring_interval or interval,
        interval_count=row.recurring_interval_count or count or 1,
    )
