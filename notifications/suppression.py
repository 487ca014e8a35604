"""Who must not be written to, and about what: opt-outs, dead addresses, complaints."""

import hashlib
from collections.abc import Collection
from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from sync.store.engine import EVERGREEN, METADATA

# What people can opt out of one by one, and in again: see `notifications.topics`.
MarketingTopic = Literal["offers", "restart"]
# marketing: all of these. all: nothing reaches this address any more (bounced for good, or
# complained).
Topic = Literal["marketing", "all", MarketingTopic]
MARKETING_TOPICS: tuple[MarketingTopic, ...] = get_args(MarketingTopic)

# An address stands here only as its hash. Each row names a customer or an address.
SUPPRESSION = Table(
    "suppression",
    METADATA,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False, server_default=""),
    Column("customer_id", Text),
    Column("address_hash", Text),
    Column("topic", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("num_nonnulls(customer_id, address_hash) = 1", name="one_subject"),
    UniqueConstraint(
        "customer_id", "address_hash", "account", "topic", postgresql_nulls_not_distinct=True
    ),
    Index("suppression_address_hash_idx", "address_hash"),
    schema=EVERGREEN,
)


def address_hash(address: str) -> str:
    """Return what stands for a mail address, the same for any case of its letters."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def suppress(
    conn: Connection,
    account: str,
    *,
    topic: Topic,
    reason: str,
    customer_id: str | None = None,
    address: str | None = None,
) -> None:
    """Write no more about `topic` to a customer, to an address, or to both; again does nothing.

    Naming the address too keeps the promise when one person is two Stripe customers, or
    changes the address.
    """
    hashed = address_hash(address) if address else None
    subject = {"account": account, "topic": topic, "reason": reason}
    rows = [
        {**subject, "customer_id": customer_id, "address_hash": None},
        {**subject, "customer_id": None, "address_hash": hashed},
    ]
    named = [row for row in rows if row["customer_id"] or row["address_hash"]]
    conn.execute(insert(SUPPRESSION).on_conflict_do_nothing(), named)


def choose(
    conn: Connection,
    account: str,
    wanted: Collection[Topic],
    *,
    customer_id: str,
    address: str | None,
) -> None:
    """Write to a customer, at their address, about the `wanted` marketing topics and no others.

    Who wants none is out of whatever topic may come. What bounced or was complained of stays.
    """
    chosen = SUPPRESSION.c.topic.in_(["marketing", *MARKETING_TOPICS])
    conn.execute(delete(SUPPRESSION).where(*_theirs(account, customer_id, address), chosen))
    nothing: list[Topic] = ["marketing"]
    unwanted: list[Topic] = [topic for topic in MARKETING_TOPICS if topic not in wanted]
    for topic in unwanted if wanted else nothing:
        suppress(
            conn,
            account,
            topic=topic,
            reason="unsubscribed",
            customer_id=customer_id,
            address=address,
        )


def topics_against(
    conn: Connection, account: str, customer_id: str, address: str | None
) -> frozenset[str]:
    """Return the topics about which this customer, at this address, must not be written to."""
    mine = _theirs(account, customer_id, address)
    return frozenset(conn.execute(select(SUPPRESSION.c.topic).where(*mine)).scalars())


def _theirs(account: str, customer_id: str, address: str | None) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for the rows of one person.

    Without an address only the id counts: every row that names a customer has no address.
    """
    table = SUPPRESSION.c
    person = table.customer_id == customer_id
    if address:
        person = or_(person, table.address_hash == address_hash(address))
    return table.account == account, person
