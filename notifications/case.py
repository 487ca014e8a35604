"""One mail at the hour it shall go out: what it is about, and what the mirror knows by now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.headerregistry import Address
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from notifications import suppression
from notifications.policy import MailPolicy, mailbox
from notifications.wording import printable
from sync.changes import Effect
from sync.mirror import facts
from sync.mirror.facts import CustomerFacts, InvoiceFacts, SubscriptionFacts
from sync.mirror.objects import OTHER, charge, mirrored
from sync.mirror.objects import customer as customers

Json = Mapping[str, Any]
# Further Stripe objects of a customer: type -> the statuses wanted, none for any.
Needs = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a kind may decide and write by.

    `subject` is the effect's: ids and small facts. `objects` holds further Stripe objects of
    the customer, by type, oldest first, for kinds that need them.
    """

    subject: Mapping[str, str]
    now: datetime
    policy: MailPolicy
    customer: CustomerFacts
    is_mirrored: bool = True
    has_test_clock: bool = False
    invoice: InvoiceFacts | None = None
    subscription: SubscriptionFacts | None = None
    subscriptions: tuple[SubscriptionFacts, ...] = ()
    objects: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    suppressed_topics: frozenset[str] = frozenset()

    @property
    def address(self) -> str | None:
        """The customer's mail address.

        The invoice's stands in for a customer without one. Source: lifecycle, rulings.
        """
        fallback = self.invoice.customer_email if self.invoice else None
        return printable(self.customer.email or fallback or "") or None

    @property
    def mailbox(self) -> Address | None:
        """The customer's address for a header, None where no mail can get there.

        A bare address only: one with a name or a comma in it is somebody's trick.
        """
        found = mailbox(self.address or "")
        return found if found and not found.display_name else None


def load(conn: Connection, effect: Effect, needs: Needs, now: datetime, policy: MailPolicy) -> Case:
    """Read everything about `effect` from the mirror, as it stands now."""
    account, customer_id = effect.account, effect.customer_id or ""
    invoice_id = effect.subject.get("invoice")
    invoice = facts.load_invoice(conn, account, invoice_id) if invoice_id else None
    subscriptions = facts.load_subscriptions(conn, account, customer_id)
    about = effect.subject.get("subscription") or (invoice.subscription if invoice else None)
    known = facts.load_customer(conn, account, customer_id)
    case = Case(
        subject=effect.subject,
        now=now,
        policy=policy,
        customer=known or _stranger(effect),
        is_mirrored=known is not None,
        has_test_clock=_has_test_clock(conn, account, customer_id),
        invoice=invoice,
        subscription=next((one for one in subscriptions if one.id == about), None),
        subscriptions=subscriptions,
        objects=_objects(conn, account, customer_id, needs),
    )
    return _with_suppression(conn, case)


def _with_suppression(conn: Connection, case: Case) -> Case:
    who = case.customer
    topics = suppression.topics_against(conn, who.account, who.id, case.address)
    return replace(case, suppressed_topics=topics)


def _stranger(effect: Effect) -> CustomerFacts:
    """Return a customer of whom nothing has been heard yet."""
    return CustomerFacts(
        id=effect.customer_id or "",
        account=effect.account,
        livemode=effect.livemode,
        deleted=False,
        email=None,
        name=None,
        country=None,
        preferred_locales=(),
        metadata={},
    )


def _has_test_clock(conn: Connection, account: str, customer_id: str) -> bool:
    table = customers.TABLE.c
    mine = and_(table.id == customer_id, table.account == account)
    clock = select(table.data["test_clock"].astext.is_not(None)).where(mine)
    return bool(conn.execute(clock).scalar())


def _objects(
    conn: Connection, account: str, customer_id: str, needs: Needs
) -> Mapping[str, tuple[Json, ...]]:
    return {
        name: tuple(conn.execute(_of_customer(name, statuses, account, customer_id)).scalars())
        for name, statuses in needs.items()
    }


def _of_customer(
    name: str, statuses: tuple[str, ...], account: str, customer_id: str
) -> Select[Any]:
    """Return the query for a customer's objects of one type; a dispute names its charge only."""
    kind = mirrored(name)
    column, paid = kind.table.c, charge.TABLE.c
    charges = select(paid.id).where(paid.account == account, paid.customer == customer_id)
    is_theirs = (
        column.customer == customer_id if "customer" in column else column.charge.in_(charges)
    )
    wanted = [column.account == account, is_theirs]
    wanted += [column.object == name] if kind is OTHER else []
    wanted += [column.status.in_(statuses)] if statuses else []
    return select(column.data).where(*wanted).order_by(column.created, column.id)
