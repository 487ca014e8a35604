"""What the mirror knows of one customer, as the plain values a snapshot is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Table, select, tuple_

from sync.crm.discounts import Discount, load_discounts
from sync.mirror.objects import (
    customer,
    invoice,
    payment_method,
    price,
    product,
    subscription,
)
from sync.mirror.payments import NO_PAYMENTS, Payments, load_intents, load_payments_of_customer
from sync.mirror.shapes import Json, at, instant, integer, price_of_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The customer's own record."""

    email: str | None
    name: str | None
    currency: str | None
    delinquent: bool | None
    deleted: bool
    default_payment_method: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a subscription; `unit_amount` is in minor units, None when tiered."""

    name: str
    quantity: int
    currency: str | None
    unit_amount: Decimal | None
    interval: str | None
    interval_count: int
    metered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription; `pauses_collection` says what happens to invoices meanwhile."""

    id: str
    status: str
    currency: str | None
    created: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    cancellation_reason: str | None
    cancellation_feedback: str | None
    pauses_collection: str | None
    resumes_at: datetime | None
    default_payment_method: str | None
    items: tuple[Item, ...] = ()
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice; amounts are minor units of `currency`, `payment_intents` tried to pay it."""

    id: str
    status: str | None
    currency: str | None
    amount_paid_minor: int
    amount_remaining_minor: int
    attempt_count: int
    created: datetime | None
    paid_at: datetime | None
    next_payment_attempt: datetime | None
    hosted_invoice_url: str | None
    payment_intents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a customer; `customer` is None when only others named it so far."""

    account: str
    customer_id: str
    livemode: bool
    customer: Customer | None
    subscriptions: tuple[Subscription, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    payments: Payments = NO_PAYMENTS
    customer_discounts: tuple[Discount, ...] = ()
    # Year and month through which a payment method's card is good, by its id.
    card_expiry: Mapping[str, str]


def load(conn: Connection, account: str, customer_id: str, *, livemode: bool) -> Facts:
    """Return what is mirrored of the customer, ended and deleted things too."""
    known = conn.execute(_rows(customer.TABLE, account, id=customer_id)).one_or_none()
    subscriptions = conn.execute(_of(subscription.TABLE, account, customer_id)).all()
    invoices = conn.execute(_of(invoice.TABLE, account, customer_id)).all()
    sources = [row.data for row in (*subscriptions, *([known] if known else []))]
    discounts = load_discounts(conn, account, sources)
    items = _items(conn, account, [row.id for row in subscriptions])
    intents = load_intents(conn, account, {row.id: row.data for row in invoices})
    return Facts(
        account=account,
        customer_id=customer_id,
        livemode=known.livemode if known else livemode,
        customer=_customer(known) if known else None,
        subscriptions=tuple(
            _subscription(row, items.get(row.id, ()), discounts(row.data)) for row in subscriptions
        ),
        invoices=tuple(
            _invoice(row, intents[row.id]) for row in invoices if row.deleted_at is None
        ),
        payments=load_payments_of_customer(conn, account, customer_id),
        customer_discounts=discounts(known.data) if known else (),
        card_expiry=_card_expiry(conn, account, customer_id),
    )


def _rows(table: Table, account: str, **equals: str) -> Any:
    return select(table).where(
        table.c.account == account, *(table.c[name] == value for name, value in equals.items())
    )


def _of(table: Table, account: str, customer_id: str) -> Any:
    rows = _rows(table, account, customer=customer_id)
    return rows.order_by(table.c.created, table.c.id)


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        email=row.email,
        name=row.name,
        currency=row.currency,
        delinquent=row.delinquent,
        deleted=row.deleted_at is not None,
        default_payment_method=row.default_payment_method,
    )


def _subscription(
    row: Row[Any], items: Sequence[Item], discounts: tuple[Discount, ...]
) -> Subscription:
    return Subscription(
        id=row.id,
        status=row.status or "",
        currency=row.currency or next((item.currency for item in items), None),
        created=row.created,
        current_period_end=row.current_period_end,
        trial_end=row.trial_end,
        cancel_at_period_end=bool(row.cancel_at_period_end),
        cancel_at=row.cancel_at,
        canceled_at=row.canceled_at,
        ended_at=row.ended_at,
        cancellation_reason=row.cancellation_reason,
        cancellation_feedback=row.cancellation_feedback,
        pauses_collection=row.pause_collection_behavior,
        resumes_at=instant(at(row.data, "pause_collection", "resumes_at")),
        default_payment_method=row.default_payment_method,
        items=tuple(items),
        discounts=discounts,
    )


def _items(
    conn: Connection, account: str, subscription_ids: Sequence[str]
) -> dict[str, list[Item]]:
    item, sold, costs = subscription.ITEMS.c, product.TABLE.c, price.TABLE.c
    found: dict[str, list[Item]] = {}
    rows = (
        select(
            item.subscription,
            item.price,
            item.quantity,
            item.data,
            sold.name.label("product_name"),
            costs.nickname,
        )
        .outerjoin(
            product.TABLE, tuple_(sold.id, sold.account) == tuple_(item.product, item.account)
        )
        .outerjoin(price.TABLE, tuple_(costs.id, costs.account) == tuple_(item.price, item.account))
        .where(item.account == account, item.subscription.in_(subscription_ids))
        .order_by(item.created, item.id)
    )
    for row in conn.execute(rows).mappings() if subscription_ids else ():
        found.setdefault(row["subscription"], []).append(_item(row))
    return found


def _item(row: Mapping[Any, Any]) -> Item:
    """Return an item, priced as the subscription itself shows it."""
    embedded = price_of_item(row["data"])
    recurring = at(embedded, "recurring") or embedded
    return Item(
        name=row["product_name"] or row["nickname"] or row["price"] or "",
        quantity=1 if row["quantity"] is None else row["quantity"],
        currency=embedded.get("currency"),
        unit_amount=unit_amount(embedded),
        interval=recurring.get("interval"),
        interval_count=integer(recurring.get("interval_count")) or 1,
        metered=recurring.get("usage_type") == "metered" or bool(recurring.get("meter")),
    )


def unit_amount(price_: Json) -> Decimal | None:
    """Return a price's exact unit amount in minor units, None for tiers."""
    whole = integer(price_.get("unit_amount", price_.get("amount")))
    if whole is not None:
        return Decimal(whole)
    exact = price_.get("unit_amount_decimal", price_.get("amount_decimal"))
    return None if exact is None or price_.get("tiers_mode") else Decimal(str(exact))


def _invoice(row: Row[Any], intents: frozenset[str]) -> Invoice:
    return Invoice(
        id=row.id,
        status=row.status,
        currency=row.currency,
        amount_paid_minor=row.amount_paid_minor or 0,
        amount_remaining_minor=row.amount_remaining_minor or 0,
        attempt_count=row.attempt_count or 0,
        created=row.created,
        paid_at=row.paid_at or row.finalized_at or row.created,
        next_payment_attempt=row.next_payment_attempt,
        hosted_invoice_url=row.hosted_invoice_url,
        payment_intents=intents,
    )


def _card_expiry(conn: Connection, account: str, customer_id: str) -> dict[str, str]:
    method = payment_method.TABLE.c
    cards = select(method.id, method.card_exp_year, method.card_exp_month).where(
        method.account == account, method.customer == customer_id
    )
    return {
        row.id: f"{row.card_exp_year:04}-{row.card_exp_month:02}"
        for row in conn.execute(cards)
        if row.card_exp_year and row.card_exp_month
    }
