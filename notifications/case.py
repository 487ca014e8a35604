"""One mail at the hour it shall go out: what it is about, and what the mirror knows by now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.headerregistry import Address
from typing import Any

from sqlalchemy import Connection, Select, and_, select
from sqlalchemy.sql.functions import coalesce

from notifications import suppression, terms
from notifications.keys import message_of
from notifications.offers import Offer
from notifications.policy import MailPolicy, mailbox
from notifications.terms import Terms
from notifications.wording import printable
from sync.changes import Effect
from sync.mirror import facts
from sync.mirror.facts import CustomerFacts, InvoiceFacts, LineFacts, SubscriptionFacts
from sync.mirror.objects import OTHER, charge, mirrored
from sync.mirror.objects import customer as customers
from sync.mirror.shapes import ref
from sync.store.outbox import OUTBOX

Json = Mapping[str, Any]
# Further Stripe objects of a customer: type -> the statuses wanted, none for any.
Needs = Mapping[str, tuple[str, ...]]
# What a subject may name by id, and the type it is of.
_NAMED = {
    "refund": "refund",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "dispute": "dispute",
    "warning": "radar.early_fraud_warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Another mail to the same customer; `at` is when it was settled, else when it is due."""

    kind: str
    subject: Mapping[str, str]
    state: str
    at: datetime

    @property
    def is_open(self) -> bool:
        """Whether it is still undecided."""
        return self.state in {"pending", "leased", "sending"}

    @property
    def went_out(self) -> bool:
        """Whether the customer has it, or may have."""
        return self.state in {"sent", "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a kind may decide and write by.

    `subject` is the effect's: ids and small facts. `objects` holds further Stripe objects of
    the customer, by type, oldest first, for kinds that need them; `named` those that the
    subject names, by its word for them. `lines` are the invoice's, and `mails` the customer's
    others, of the kinds that this one recalls, oldest first.
    """

    subject: Mapping[str, str]
    now: datetime
    policy: MailPolicy
    customer: CustomerFacts
    # What stands for the mail outside the house; empty for one that is only shown.
    message: str = ""
    is_mirrored: bool = True
    has_test_clock: bool = False
    invoice: InvoiceFacts | None = None
    subscription: SubscriptionFacts | None = None
    subscriptions: tuple[SubscriptionFacts, ...] = ()
    objects: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    named: Mapping[str, Json] = field(default_factory=dict)
    lines: tuple[LineFacts, ...] = ()
    mails: tuple[Mail, ...] = ()
    # Of the subscription that the subject names.
    terms: Terms = field(default_factory=Terms)
    # Made when the mail leaves; none while it is decided.
    offer: Offer | None = None
    suppressed_topics: frozenset[str] = frozenset()
    # The arm of the experiment that the customer is in, if the kind is tried out.
    variant: str | None = None
    # What the kind itself looked up: see `Kind.reads`.
    read: object = None

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


def load(
    conn: Connection,
    effect: Effect,
    needs: Needs,
    now: datetime,
    policy: MailPolicy,
    *,
    recalls: Sequence[str] = (),
) -> Case:
    """Read everything about `effect` from the mirror, as it stands now.

    `recalls`: the kinds of mails wanted of those the customer got, or may still get.
    """
    account = effect.account
    named = _named(conn, effect)
    customer_id = effect.customer_id or _payer(named) or ""
    invoice_id = effect.subject.get("invoice")
    invoice = facts.load_invoice(conn, account, invoice_id) if invoice_id else None
    subscriptions = facts.load_subscriptions(conn, account, customer_id)
    about = effect.subject.get("subscription") or (invoice.subscription if invoice else None)
    known = facts.load_customer(conn, account, customer_id)
    case = Case(
        subject=effect.subject,
        now=now,
        policy=policy,
        customer=known or _stranger(effect, customer_id),
        message=message_of(effect.key),
        is_mirrored=known is not None,
        has_test_clock=_has_test_clock(conn, account, customer_id),
        invoice=invoice,
        subscription=next((one for one in subscriptions if one.id == about), None),
        subscriptions=subscriptions,
        objects=_objects(conn, account, customer_id, needs),
        named=named,
        lines=facts.load_lines(conn, account, invoice_id) if invoice_id else (),
        mails=_mails(conn, effect, customer_id, recalls) if recalls else (),
        terms=_terms(conn, effect),
    )
    return _with_suppression(conn, case)


def _with_suppression(conn: Connection, case: Case) -> Case:
    who = case.customer
    topics = suppression.topics_against(conn, who.account, who.id, case.address)
    return replace(case, suppressed_topics=topics)


def _terms(conn: Connection, effect: Effect) -> Terms:
    about, schedule = effect.subject.get("subscription"), effect.subject.get("schedule")
    return terms.load(conn, effect.account, about, schedule) if about else Terms()


def _named(conn: Connection, effect: Effect) -> Mapping[str, Json]:
    """Return the objects that the subject names, as far as the mirror knows them."""
    found = {
        name: conn.execute(_data_of(_NAMED[name], object_id, effect.account)).scalar()
        for name, object_id in effect.subject.items()
        if name in _NAMED
    }
    return {name: data for name, data in found.items() if data is not None}


def _payer(named: Mapping[str, Json]) -> str | None:
    payments = (named.get(name, {}) for name in ("charge", "payment_intent"))
    return next(filter(None, (ref(payment.get("customer")) for payment in payments)), None)


def _data_of(object_type: str, object_id: str, account: str) -> Select[Any]:
    table = mirrored(object_type).table.c
    return select(table.data).where(table.id == object_id, table.account == account)


def _mails(
    conn: Connection, effect: Effect, customer_id: str, kinds: Sequence[str]
) -> tuple[Mail, ...]:
    mail = OUTBOX.c
    columns = (mail.kind, mail.subject, mail.state, coalesce(mail.settled_at, mail.due_at))
    wanted = select(*columns).where(
        mail.customer_id == customer_id,
        mail.account == effect.account,
        mail.livemode == effect.livemode,
        mail.channel == "mail",
        mail.kind.in_(kinds),
        mail.key != effect.key,
    )
    rows = conn.execute(wanted.order_by(columns[-1], mail.key))
    return tuple(Mail(kind=row[0], subject=row[1], state=row[2], at=row[3]) for row in rows)


def _stranger(effect: Effect, customer_id: str) -> CustomerFacts:
    """Return a customer of whom nothing has been heard yet."""
    return CustomerFacts(
        id=customer_id,
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
