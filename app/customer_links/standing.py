"""What is left to do behind a link: decided from the mirror whenever its page is opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from sqlalchemy import Connection

from notifications.links import LinkSubject, Purpose
from notifications.subscribed import stands_still
from sync.mirror import facts
from sync.mirror.facts import CustomerFacts, InvoiceFacts, SubscriptionFacts

# done: the customer has what they wanted. gone: there is nothing any more to do it with.
State = Literal["open", "done", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the mirror knows of whom a link is for, and of what it is about."""

    subject: LinkSubject
    customer: CustomerFacts | None
    invoices: tuple[InvoiceFacts, ...] = ()
    subscriptions: tuple[SubscriptionFacts, ...] = ()

    @property
    def invoice(self) -> InvoiceFacts | None:
        """The invoice that the link names."""
        return next((each for each in self.invoices if each.id == self.subject.object_id), None)

    @property
    def subscription(self) -> SubscriptionFacts | None:
        """The subscription that the link names, or that its invoice is for."""
        about = self.invoice.subscription if self.invoice else self.subject.object_id
        return next((each for each in self.subscriptions if each.id == about), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things are: `owed` are the invoices to pay, oldest first."""

    state: State
    owed: tuple[InvoiceFacts, ...] = ()


def load(conn: Connection, purpose: Purpose, subject: LinkSubject) -> About:
    """Return what the mirror knows now."""
    who = subject.account, subject.customer_id
    return About(
        subject=subject,
        customer=facts.load_customer(conn, *who),
        invoices=facts.load_invoices(conn, *who) if purpose == "pay" else (),
        subscriptions=facts.load_subscriptions(conn, *who),
    )


def standing(purpose: Purpose, about: About) -> Standing:
    """Return what is left to do; nothing for a customer who was deleted, or never seen."""
    if about.customer is None or about.customer.deleted:
        return Standing(state="gone")
    if purpose == "pay":
        return _to_pay(about)
    return Standing(state=_STATES[purpose](about))


def _to_pay(about: About) -> Standing:
    invoice, owed = about.invoice, _owed(about)
    if owed:
        return Standing(state="open", owed=owed)
    if invoice:
        return Standing(state="done" if invoice.status == "paid" else "gone")
    subscription = about.subscription
    if subscription and stands_still(subscription):
        return Standing(state="open")
    return Standing(state="done" if subscription and subscription.is_live else "gone")


def _owed(about: About) -> tuple[InvoiceFacts, ...]:
    """Return the open invoices that the link is about.

    A campaign is about all that could not be charged (see `notifications.dunning`), so a mail
    about one invoice leads to the others too; one that is paid by hand stands alone.
    """
    invoice = about.invoice
    is_charged = invoice is not None and invoice.collection_method == "charge_automatically"
    return tuple(
        each
        for each in about.invoices
        if _is_open(each)
        and (
            each is invoice
            or (invoice is None and each.subscription == about.subject.object_id)
            or (is_charged and _has_failed(each))
        )
    )


def _is_open(invoice: InvoiceFacts) -> bool:
    owes = invoice.amount_remaining_minor > 0 and invoice.currency is not None
    return invoice.status == "open" and owes and not invoice.deleted


def _has_failed(invoice: InvoiceFacts) -> bool:
    return invoice.collection_method == "charge_automatically" and invoice.attempt_count > 0


def _while_it_lives(about: About) -> State:
    return "open" if about.subscription and about.subscription.is_live else "gone"


def _to_keep(about: About) -> State:
    subscription = about.subscription
    if subscription is None or not subscription.is_live:
        return "gone"
    return "open" if subscription.cancel_is_set else "done"


def _to_return(about: About) -> State:
    if any(each.is_live for each in about.subscriptions):
        return "done"
    return "open" if about.subscription else "gone"


_STATES: Mapping[Purpose, Callable[[About], State]] = MappingProxyType(
    {
        "card": _while_it_lives,
        "manage": _while_it_lives,
        "keep": _to_keep,
        "return": _to_return,
    }
)
