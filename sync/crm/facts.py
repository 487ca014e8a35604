"""What is known of one customer, as the plain values a snapshot is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from sync import access
from sync.access import Access, AccessPolicy
from sync.crm.coupons import AppliedCoupon, load_coupons
from sync.crm.revenue import Revenue
from sync.crm.takings import Takings, load_takings
from sync.history.tables import STATES
from sync.mirror import facts as mirror
from sync.mirror.facts import CustomerFacts, InvoiceFacts, SubscriptionFacts, invoice_facts
from sync.mirror.objects import customer, invoice, payment_method, subscription

_MOST_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a customer; `customer` is None when only others named it so far.

    Deleted invoices are left out. `coupons` are by the subscription's or customer's id.
    """

    account: str
    customer_id: str
    livemode: bool
    customer: CustomerFacts | None
    subscriptions: tuple[SubscriptionFacts, ...] = ()
    invoices: tuple[InvoiceFacts, ...] = ()
    takings: Takings = field(default_factory=Takings)
    coupons: Mapping[str, Sequence[AppliedCoupon]] = field(default_factory=dict)
    revenue: Sequence[Revenue] = ()
    access: Access | None = None
    # The last day on which a payment method's card is good, by the method's id.
    card_expires: Mapping[str, date] = field(default_factory=dict)


def load(
    conn: Connection,
    account: str,
    customer_id: str,
    now: datetime,
    policy: AccessPolicy | None = None,
    *,
    livemode: bool,
) -> Facts:
    """Return what is known of the customer, ended and deleted things too.

    `now` is business time, for who may use the service by `policy`.
    """
    known = conn.execute(_of(customer.TABLE, account, id=customer_id)).one_or_none()
    subscriptions = conn.execute(_of(subscription.TABLE, account, customer=customer_id)).all()
    billed = conn.execute(_of(invoice.TABLE, account, customer=customer_id)).all()
    invoices = [row for row in billed if row.deleted_at is None]
    sources = {row.id: row.data for row in (*subscriptions, *([known] if known else []))}
    return Facts(
        account=account,
        customer_id=customer_id,
        livemode=known.livemode if known else livemode,
        customer=mirror.load_customer(conn, account, customer_id),
        subscriptions=mirror.load_subscriptions(conn, account, customer_id),
        invoices=tuple(map(invoice_facts, invoices)),
        takings=load_takings(conn, account, customer_id, {row.id: row.data for row in invoices}),
        coupons=load_coupons(conn, account, sources),
        revenue=_revenue(conn, account, customer_id),
        access=access.load(conn, account, customer_id, now, policy),
        card_expires=_card_expires(conn, account, customer_id),
    )


def _of(table: Table, account: str, **equals: str) -> Select[Any]:
    named = [table.c[name] == value for name, value in equals.items()]
    rows = select(table).where(table.c.account == account, *named)
    return rows.order_by(table.c.created, table.c.id)


def _revenue(conn: Connection, account: str, customer_id: str) -> list[Revenue]:
    state = STATES.c
    rows = select(
        state.effective_at.label("begins_at"),
        state.until.label("ends_at"),
        state.currency,
        state.mrr_net_forever_micro_minor.label("micro_minor"),
        state.pause_collection_behavior.is_not(None).label("paused"),
    ).where(state.customer == customer_id, state.account == account)
    return [Revenue(**row) for row in conn.execute(rows).mappings()]


def _card_expires(conn: Connection, account: str, customer_id: str) -> dict[str, date]:
    method = payment_method.TABLE.c
    cards = select(method.id, method.card_exp_year, method.card_exp_month)
    theirs = cards.where(method.account == account, method.customer == customer_id)
    days = {
        row.id: _last_day(row.card_exp_year, row.card_exp_month) for row in conn.execute(theirs)
    }
    return {method_id: day for method_id, day in days.items() if day}


def _last_day(year: int | None, month: int | None) -> date | None:
    if not (year and month and 1 <= month <= _MOST_MONTHS):
        return None
    return date(year + month // _MOST_MONTHS, month % _MOST_MONTHS + 1, 1) - timedelta(days=1)
