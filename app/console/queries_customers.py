"""What the console asks about one customer: the mirror, the CRM record and what happened."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, select, union

from app.console.paging import Slice, read_slice
from sync.crm.tables import CRM_RECORD
from sync.mirror.objects.customer import TABLE as CUSTOMERS
from sync.mirror.objects.invoice import TABLE as INVOICES
from sync.mirror.objects.product import TABLE as PRODUCTS
from sync.mirror.objects.subscription import ITEMS
from sync.mirror.objects.subscription import TABLE as SUBSCRIPTIONS
from sync.store.inbox import INBOX
from sync.store.outbox import OUTBOX

MOST = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a customer's timeline; `at` is business time.

    `id` is an effect's key, or an event's id where `channel` is `event`.
    """

    at: datetime
    channel: str
    what: str
    state: str
    reason: str | None
    id: str
    about: Sequence[str] = ()


def listed(conn: Connection, before: str | None) -> Slice:
    """Return a page of all customers, in the order of their ids."""
    return read_slice(conn, _customers(), ("id", "account"), before=before)


def found(conn: Connection, words: str) -> list[RowMapping]:
    """Return the customers whom an id or an e-mail address means, at most `MOST`.

    The id may be that of a subscription or an invoice. An address is looked for as it is
    written and in lower case: Stripe keeps it as it was typed.
    """
    c = CUSTOMERS.c
    written = {words, words.lower()}
    # One query per index: an OR over several tables would read all customers.
    meant = union(
        select(c.id).where(c.id == words),
        select(c.id).where(c.email.in_(written)),
        *(select(t.c.customer).where(t.c.id == words) for t in (SUBSCRIPTIONS, INVOICES)),
    )
    ordered = _customers().where(c.id.in_(meant)).order_by(c.id, c.account)
    return list(conn.execute(ordered.limit(MOST)).mappings())


def load(conn: Connection, customer_id: str, account: str | None) -> RowMapping | None:
    """Return one customer; without `account` the first account's that has it."""
    mine = [CUSTOMERS.c.id == customer_id]
    mine += [] if account is None else [CUSTOMERS.c.account == account]
    rows = select(CUSTOMERS).where(*mine).order_by(CUSTOMERS.c.account).limit(1)
    return conn.execute(rows).mappings().first()


def names_of(conn: Connection, rows: Iterable[RowMapping], column: str) -> dict[str, str]:
    """Return what to call the customers whom `column` of some rows names, by id.

    One without a name is called by the address; one whom the mirror lacks is left out.
    """
    ids = {row[column] for row in rows if row[column]}
    c = CUSTOMERS.c
    called = func.coalesce(func.nullif(c.name, ""), c.email, c.id)
    found = select(c.id, called).where(c.id.in_(ids)).order_by(c.id, c.account.desc())
    return {row[0]: row[1] for row in conn.execute(found)} if ids else {}


def subscriptions(conn: Connection, customer: RowMapping) -> list[RowMapping]:
    """Return a customer's subscriptions, the newest first, at most `MOST`."""
    return _newest(conn, SUBSCRIPTIONS, customer)


def invoices(conn: Connection, customer: RowMapping) -> list[RowMapping]:
    """Return a customer's invoices, the newest first, at most `MOST`."""
    return _newest(conn, INVOICES, customer)


def items(conn: Connection, subscription_ids: Iterable[str]) -> dict[str, list[RowMapping]]:
    """Return the items of some subscriptions with their products' names, by subscription."""
    same = and_(PRODUCTS.c.id == ITEMS.c.product, PRODUCTS.c.account == ITEMS.c.account)
    rows = (
        select(ITEMS, PRODUCTS.c.name.label("product_name"))
        .outerjoin(PRODUCTS, same)
        .where(ITEMS.c.subscription.in_(list(subscription_ids)), ITEMS.c.deleted_at.is_(None))
        .order_by(ITEMS.c.subscription, ITEMS.c.id)
    )
    by_subscription: dict[str, list[RowMapping]] = {}
    for row in conn.execute(rows).mappings():
        by_subscription.setdefault(row["subscription"], []).append(row)
    return by_subscription


def crm_record(conn: Connection, customer: RowMapping) -> RowMapping | None:
    """Return what the CRM was told last, None when it was told nothing."""
    mine = and_(
        CRM_RECORD.c.customer_id == customer["id"], CRM_RECORD.c.account == customer["account"]
    )
    return conn.execute(select(CRM_RECORD).where(mine)).mappings().first()


def timeline(conn: Connection, customer: RowMapping, object_ids: Iterable[str]) -> list[Entry]:
    """Return what was sent, skipped, planned and heard, the newest first.

    `object_ids`: whose events belong to the customer. At most `MOST` effects and `MOST` events.
    """
    entries = [*_effects(conn, customer), *_events(conn, customer, object_ids)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _customers() -> Select[Any]:
    names = "id account email name country currency delinquent created deleted_at".split()
    return select(*(CUSTOMERS.c[name] for name in names))


def _newest(conn: Connection, table: Any, customer: RowMapping) -> list[RowMapping]:
    mine = and_(table.c.customer == customer["id"], table.c.account == customer["account"])
    newest = func.coalesce(table.c.created, table.c.as_of).desc()
    rows = select(table).where(mine).order_by(newest, table.c.id).limit(MOST)
    return list(conn.execute(rows).mappings())


def _effects(conn: Connection, customer: RowMapping) -> list[Entry]:
    mine = and_(OUTBOX.c.customer_id == customer["id"], OUTBOX.c.account == customer["account"])
    rows = select(OUTBOX).where(mine).order_by(OUTBOX.c.due_at.desc()).limit(MOST)
    return [
        Entry(
            row["settled_at"] or row["due_at"],
            row["channel"],
            row["kind"],
            row["state"],
            row["reason"],
            row["key"],
            [str(value) for value in row["subject"].values()],
        )
        for row in conn.execute(rows).mappings()
    ]


def _events(conn: Connection, customer: RowMapping, object_ids: Iterable[str]) -> list[Entry]:
    c = INBOX.c
    mine = and_(c.object_id.in_(list(object_ids)), c.account == customer["account"])
    columns = (c.created, c.received_at, c.type, c.state, c.last_error, c.event_id, c.object_id)
    rows = select(*columns).where(mine).order_by(c.created.desc(), c.seq.desc()).limit(MOST)
    return [
        Entry(
            row.created or row.received_at,
            "event",
            row.type or "",
            row.state,
            row.last_error,
            row.event_id,
            [row.object_id],
        )
        for row in conn.execute(rows)
    ]
