"""What the mirror knows, as plain values that decisions can be made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, select

from sync.mirror.objects import customer, invoice, price, product, subscription
from sync.mirror.shapes import Json, at, instant, string, usage_of_price

# A subscription in one of these still serves, or will again without a new purchase.
LIVE_STATUSES = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFacts:
    """A customer as the mirror shows it."""

    id: str
    account: str
    livemode: bool
    deleted: bool
    email: str | None
    name: str | None
    country: str | None
    preferred_locales: tuple[str, ...]
    metadata: Mapping[str, str]
    currency: str | None = None
    # Whether the latest automatic charge of an invoice failed, as Stripe tells it.
    delinquent: bool | None = None
    default_payment_method: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """One item of a subscription; `unit_amount_minor` is None for tiers and meters."""

    id: str
    price: str | None
    product: str | None
    product_name: str | None
    quantity: int
    currency: str | None
    unit_amount_minor: int | None
    interval: str | None
    interval_count: int
    current_period_end: datetime | None
    # The end of an introductory offer: Stripe's `current_trial`.
    trial_ends_at: datetime | None = None
    # Billed by usage: Stripe knows no quantity, and `quantity` is 1.
    is_metered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFacts:
    """A subscription with its items; times are aware UTC, None where Stripe says nothing."""

    id: str
    account: str
    livemode: bool
    customer: str
    status: str
    created: datetime | None
    currency: str | None
    start_date: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None
    canceled_at: datetime | None
    ended_at: datetime | None
    cancellation_reason: str | None
    cancellation_feedback: str | None
    pause_collection_behavior: str | None
    # When collection goes on by itself.
    resumes_at: datetime | None
    # Why and since when the status is `paused`: see `pause_cause`.
    pause_cause: str | None
    paused_at: datetime | None
    collection_method: str | None
    default_payment_method: str | None
    latest_invoice: str | None
    items: tuple[ItemFacts, ...]

    @property
    def is_live(self) -> bool:
        """Whether the customer still has this subscription."""
        return self.status in LIVE_STATUSES

    @property
    def cancel_is_set(self) -> bool:
        """Whether an end is already scheduled, by either of Stripe's two fields."""
        return self.cancel_at_period_end or self.cancel_at is not None

    @property
    def ends_at(self) -> datetime | None:
        """When a scheduled end comes; None while none is scheduled."""
        return scheduled_end(
            cancel_at=self.cancel_at,
            at_period_end=self.cancel_at_period_end,
            period_end=self.current_period_end,
        )

    @property
    def amount_minor(self) -> int | None:
        """List price of one period in minor units before discounts and tax; None when metered."""
        amounts = [
            None if item.unit_amount_minor is None else item.unit_amount_minor * item.quantity
            for item in self.items
        ]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if known and len(known) == len(amounts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """An invoice; amounts are minor units of `currency`."""

    id: str
    account: str
    livemode: bool
    deleted: bool
    customer: str | None
    subscription: str | None
    status: str | None
    number: str | None
    billing_reason: str | None
    collection_method: str | None
    currency: str | None
    amount_due_minor: int
    amount_paid_minor: int
    amount_remaining_minor: int
    total_minor: int
    # All taxes, those inside the prices too.
    tax_minor: int
    discount_minor: int
    attempt_count: int
    next_payment_attempt: datetime | None
    due_date: datetime | None
    finalized_at: datetime | None
    paid_at: datetime | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    customer_email: str | None
    created: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFacts:
    """One line of an invoice; `amount_minor` is for the whole quantity, before discounts.

    `is_plain`: a subscription's item for a whole period, at its price's own amount. A proration,
    a tier, a trial or a line that somebody added is not.
    """

    id: str
    description: str | None
    product_name: str | None
    quantity: int | None
    currency: str | None
    amount_minor: int
    is_plain: bool = False
    period_start: datetime | None = None
    period_end: datetime | None = None


def pause_cause(subscription: Json) -> str | None:
    """Return why a subscription's status is `paused`, None when it is not.

    Before 2026-09-30.endive no pause told its cause: a trial's end without a card was the only
    one there was. Source: docs.stripe.com/changelog/endive
    """
    if subscription.get("status") != "paused":
        return None
    told = string(at(subscription, "status_details", "paused", "subscription", "type"))
    return told or "trial_end_without_payment_method"


def paused_at(subscription: Json) -> datetime | None:
    """Return since when the status is `paused`, as far as Stripe tells."""
    if subscription.get("status") != "paused":
        return None
    return instant(at(subscription, "status_details", "paused", "transitioned_at"))


def scheduled_end(
    *, cancel_at: datetime | None, at_period_end: bool, period_end: datetime | None
) -> datetime | None:
    """Return when a subscription will end, by either of Stripe's two fields; None: it goes on."""
    return cancel_at or (period_end if at_period_end else None)


def load_customer(conn: Connection, account: str, customer_id: str) -> CustomerFacts | None:
    """Return the customer, None when the mirror has never seen it."""
    row = conn.execute(_one(customer.TABLE, account, customer_id)).one_or_none()
    return (
        None
        if row is None
        else CustomerFacts(
            id=row.id,
            account=row.account,
            livemode=row.livemode,
            deleted=row.deleted_at is not None,
            email=row.email,
            name=row.name,
            country=row.country,
            preferred_locales=tuple(row.preferred_locales or ()),
            metadata=row.data.get("metadata") or {},
            currency=row.currency,
            delinquent=row.delinquent,
            default_payment_method=row.default_payment_method,
        )
    )


def load_subscription(
    conn: Connection, account: str, subscription_id: str
) -> SubscriptionFacts | None:
    """Return the subscription with its items, None when the mirror has never seen it."""
    rows = conn.execute(_one(subscription.TABLE, account, subscription_id)).all()
    return next(iter(_subscriptions(conn, rows)), None)


def load_subscriptions(
    conn: Connection, account: str, customer_id: str
) -> tuple[SubscriptionFacts, ...]:
    """Return all of a customer's subscriptions, ended ones too, oldest first."""
    table = subscription.TABLE
    mine = and_(table.c.account == account, table.c.customer == customer_id)
    rows = conn.execute(select(table).where(mine).order_by(table.c.created, table.c.id)).all()
    return _subscriptions(conn, rows)


def load_invoice(conn: Connection, account: str, invoice_id: str) -> InvoiceFacts | None:
    """Return the invoice, None when the mirror has never seen it."""
    row = conn.execute(_one(invoice.TABLE, account, invoice_id)).one_or_none()
    return None if row is None else invoice_facts(row)


def load_invoices(conn: Connection, account: str, customer_id: str) -> tuple[InvoiceFacts, ...]:
    """Return all of a customer's invoices, oldest first."""
    table = invoice.TABLE
    mine = and_(table.c.account == account, table.c.customer == customer_id)
    rows = conn.execute(select(table).where(mine).order_by(table.c.created, table.c.id))
    return tuple(invoice_facts(row) for row in rows)


def load_lines(conn: Connection, account: str, invoice_id: str) -> tuple[LineFacts, ...]:
    """Return an invoice's lines: those of whole periods first, the largest amount first."""
    line, sold, at_price = invoice.LINES, product.TABLE, price.TABLE
    same = and_(sold.c.id == line.c.product, sold.c.account == line.c.account)
    listed = and_(at_price.c.id == line.c.price, at_price.c.account == line.c.account)
    wanted = (
        select(line, sold.c.name.label("product_name"), at_price.c.unit_amount_minor)
        .outerjoin(sold, same)
        .outerjoin(at_price, listed)
        .where(line.c.invoice == invoice_id, line.c.account == account)
        .order_by(line.c.proration, line.c.amount_minor.desc(), line.c.id)
    )
    return tuple(_line(row) for row in conn.execute(wanted))


def _line(row: Row[Any]) -> LineFacts:
    return LineFacts(
        id=row.id,
        description=row.description,
        product_name=row.product_name,
        quantity=row.quantity,
        currency=row.currency,
        amount_minor=row.amount_minor or 0,
        is_plain=_is_plain(row),
        period_start=row.period_start,
        period_end=row.period_end,
    )


def _is_plain(row: Row[Any]) -> bool:
    of_item = row.subscription_item and not row.proration and not row.invoice_item
    if not of_item or row.quantity is None or row.unit_amount_minor is None:
        return False
    return bool(row.amount_minor == row.unit_amount_minor * row.quantity)


def _one(table: Table, account: str, object_id: str) -> Select[Any]:
    return select(table).where(table.c.id == object_id, table.c.account == account)


def invoice_facts(row: Row[Any]) -> InvoiceFacts:
    """Return what a row of `stripe.invoices` says."""
    return InvoiceFacts(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        deleted=row.deleted_at is not None,
        customer=row.customer,
        subscription=row.subscription,
        status=row.status,
        number=row.number,
        billing_reason=row.billing_reason,
        collection_method=row.collection_method,
        currency=row.currency,
        amount_due_minor=row.amount_due_minor or 0,
        amount_paid_minor=row.amount_paid_minor or 0,
        amount_remaining_minor=row.amount_remaining_minor or 0,
        total_minor=row.total_minor or 0,
        tax_minor=row.tax_minor or 0,
        discount_minor=row.discount_minor or 0,
        attempt_count=row.attempt_count or 0,
        next_payment_attempt=row.next_payment_attempt,
        due_date=row.due_date,
        finalized_at=row.finalized_at,
        paid_at=row.paid_at,
        hosted_invoice_url=row.hosted_invoice_url,
        invoice_pdf=row.invoice_pdf,
        customer_email=row.data.get("customer_email"),
        created=row.created,
    )


def _subscriptions(conn: Connection, rows: Sequence[Row[Any]]) -> tuple[SubscriptionFacts, ...]:
    items = _items(conn, [row.id for row in rows])
    return tuple(_subscription(row, items.get((row.account, row.id), ())) for row in rows)


def _subscription(row: Row[Any], items: Sequence[ItemFacts]) -> SubscriptionFacts:
    return SubscriptionFacts(
        id=row.id,
        account=row.account,
        livemode=row.livemode,
        customer=row.customer or "",
        status=row.status or "",
        created=row.created,
        currency=row.currency,
        start_date=row.start_date,
        current_period_end=row.current_period_end,
        trial_end=row.trial_end,
        cancel_at_period_end=bool(row.cancel_at_period_end),
        cancel_at=row.cancel_at,
        canceled_at=row.canceled_at,
        ended_at=row.ended_at,
        cancellation_reason=row.cancellation_reason,
        cancellation_feedback=row.cancellation_feedback,
        pause_collection_behavior=row.pause_collection_behavior,
        resumes_at=row.pause_collection_resumes_at,
        pause_cause=pause_cause(row.data),
        paused_at=paused_at(row.data),
        collection_method=row.collection_method,
        default_payment_method=row.default_payment_method,
        latest_invoice=row.latest_invoice,
        items=tuple(items),
    )


def _items(
    conn: Connection, subscription_ids: Sequence[str]
) -> dict[tuple[str, str], list[ItemFacts]]:
    item, sold = subscription.ITEMS, product.TABLE
    same = and_(sold.c.id == item.c.product, sold.c.account == item.c.account)
    wanted = (
        select(item, sold.c.name.label("product_name"))
        .outerjoin(sold, same)
        .where(item.c.subscription.in_(subscription_ids))
        .order_by(item.c.created, item.c.id)
    )
    found: dict[tuple[str, str], list[ItemFacts]] = {}
    for row in conn.execute(wanted) if subscription_ids else ():
        found.setdefault((row.account, row.subscription), []).append(_item(row))
    return found


def _item(row: Row[Any]) -> ItemFacts:
    return ItemFacts(
        id=row.id,
        price=row.price,
        product=row.product,
        product_name=row.product_name,
        quantity=1 if row.quantity is None else row.quantity,
        currency=row.currency,
        unit_amount_minor=row.unit_amount_minor,
        interval=row.recurring_interval,
        interval_count=row.recurring_interval_count or 1,
        current_period_end=row.current_period_end,
        trial_ends_at=instant(at(row.data, "current_trial", "end_date")),
        is_metered=usage_of_price(row.data.get("price") or {})[0] == "metered",
    )
