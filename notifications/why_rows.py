"""What the tables hold about one customer, for their story."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Text, func, literal, or_, select, union

from notifications.dunning.tables import CAMPAIGN, CLICK, STEP
from notifications.suppression import SUPPRESSION, address_hash
from notifications.why import Found, Row
from sync.access.tables import HISTORY
from sync.mirror.facts import load_customer
from sync.mirror.objects import OBJECTS
from sync.store.inbox import INBOX
from sync.store.outbox import OUTBOX

# The customer's objects whose events explain mails.
_OF_CUSTOMER = ("subscription", "invoice", "charge", "payment_intent", "payment_method")


def load(conn: Connection, account: str, customer_id: str, limit: int) -> Found:
    """Return the rows about a customer; of events and mails the newest `limit` each."""
    campaigns = select(CAMPAIGN).where(
        CAMPAIGN.c.customer_id == customer_id, CAMPAIGN.c.account == account
    )
    ids = campaigns.with_only_columns(CAMPAIGN.c.id)
    clicks = (
        select(CLICK.c.clicked_at, OUTBOX.c.kind)
        .join(OUTBOX, OUTBOX.c.key == CLICK.c.message_key, isouter=True)
        .where(CLICK.c.campaign.in_(ids))
    )
    access = select(HISTORY).where(
        HISTORY.c.customer_id == customer_id, HISTORY.c.account == account
    )
    return Found(
        mails=_all(conn, _mails(account, customer_id, limit)),
        events=_all(conn, _events(account, customer_id, limit)),
        campaigns=_all(conn, campaigns),
        steps=_all(conn, select(STEP).where(STEP.c.campaign.in_(ids))),
        clicks=_all(conn, clicks),
        access=_all(conn, access),
        suppressions=_all(conn, _suppressions(conn, account, customer_id)),
    )


def _all(conn: Connection, query: Select[Any]) -> Sequence[Row]:
    return [dict(row) for row in conn.execute(query).mappings()]


def _mails(account: str, customer_id: str, limit: int) -> Select[Any]:
    mail = OUTBOX.c
    mine = (mail.customer_id == customer_id, mail.account == account, mail.channel == "mail")
    return select(OUTBOX).where(*mine).order_by(mail.due_at.desc(), mail.key).limit(limit)


def _events(account: str, customer_id: str, limit: int) -> Select[Any]:
    """Return the query for the events about the customer and what is theirs, never payloads."""
    event = INBOX.c
    tables = [OBJECTS[name].table.c for name in _OF_CUSTOMER]
    theirs = [
        select(table.id).where(table.customer == customer_id, table.account == account)
        for table in tables
    ]
    ids = union(select(literal(customer_id, Text).label("id")), *theirs).subquery()
    columns = (
        *(event.type, event.object_id, event.created, event.received_at),
        *(event.state, event.last_error),
    )
    mine = (event.object_id.in_(select(ids.c.id)), event.account == account)
    newest = func.coalesce(event.created, event.received_at).desc()
    return select(*columns).where(*mine).order_by(newest, event.seq.desc()).limit(limit)


def _suppressions(conn: Connection, account: str, customer_id: str) -> Select[Any]:
    customer = load_customer(conn, account, customer_id)
    row = SUPPRESSION.c
    mine = [row.customer_id == customer_id]
    if customer and customer.email:
        mine.append(row.address_hash == address_hash(customer.email))
    return select(SUPPRESSION).where(row.account == account, or_(*mine))
