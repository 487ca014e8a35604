"""What a page's button does: the ways it may lead, best first, until one of them works."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import structlog
from sqlalchemy import Connection, literal_column, select

from app.customer_links.page import is_usable
from app.customer_links.standing import About, Standing
from app.customer_links.stripe_side import StripeSide
from notifications.links import Purpose
from notifications.policy import MailPolicy
from notifications.topics import TOPIC_OF
from sync.errors import Rejected
from sync.store.outbox import MESSAGE, OUTBOX

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mail:
    """The mail that a link stands in."""

    key: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """Somebody pressed the button of a page; nothing here holds the database."""

    about: About
    standing: Standing
    mail: Mail | None
    policy: MailPolicy
    stripe: StripeSide
    # The page itself: where Stripe's pages lead back to.
    page_url: str
    language: str

    def session_key(self) -> str:
        """Return what makes one session of a double click, and a new one of a later click."""
        subject = self.about.subject
        return f"{subject.message}:{subject.object_id}:{int(time.time() // 60)}"


Way = Callable[[Click], str | None]


def find_mail(conn: Connection, message: str) -> Mail | None:
    """Return the mail that `message` stands for, None for one that was only shown."""
    mine = OUTBOX.c.channel == "mail", literal_column(MESSAGE) == message
    row = conn.execute(select(OUTBOX.c.key, OUTBOX.c.kind).where(*mine)).first()
    return Mail(*row) if row else None


def destination(click: Click, purpose: Purpose | Literal["update"]) -> str | None:
    """Return where the button leads; None where only a person can help.

    Raises:
        Unavailable: Stripe does not answer in time, or too many ask it.
    """
    for way in WAYS[purpose]:
        address = _tried(way, click)
        if address is not None:
            return address
    return None


def keep(click: Click) -> bool:
    """Take a scheduled end back; False where Stripe lets us not. Raises as `destination` does."""
    subject = click.about.subject
    try:
        with click.stripe.asking() as stripe:
            # Stripe repeats an answer for a day, an error of its own too: not beyond the minute.
            stripe.keep_subscription(
                subject.object_id, account=subject.account, key=click.session_key()
            )
    except Rejected as error:
        _note("keep", error)
        return False
    return True


def is_back(click: Click) -> bool:
    """Tell whether Stripe knows of a subscription that the mirror does not yet.

    Nobody pays twice who comes back to the mail before the event of their Checkout has come
    in. Raises as `destination` does.
    """
    who = click.about.subject
    try:
        with click.stripe.asking() as stripe:
            return stripe.is_subscribed(who.customer_id, account=who.account)
    except Rejected as error:
        _note("is_back", error)
        return False


def _tried(way: Way, click: Click) -> str | None:
    try:
        address = way(click)
        return address if address and is_usable(address, click.stripe.base) else None
    except Rejected as error:
        _note(way.__name__.strip("_"), error)
        return None


def _note(way: str, error: Rejected) -> None:
    # Stripe's answer holds no customer's data: see `sync.stripe_writes`.
    log.warning("link.way_rejected", way=way, error=str(error))


def _invoice_page(click: Click) -> str | None:
    """Stripe's page of the one invoice: it takes the money at once, by any method."""
    owed = click.standing.owed
    return owed[0].hosted_invoice_url if len(owed) == 1 else None


def _oldest_invoice_page(click: Click) -> str | None:
    return next((each.hosted_invoice_url for each in click.standing.owed), None)


def _portal(click: Click) -> str | None:
    who = click.about.subject
    with click.stripe.asking() as stripe:
        return stripe.portal_session(
            who.customer_id,
            account=who.account,
            return_url=click.page_url,
            locale=click.language,
        )


def _method_update(click: Click) -> str | None:
    who = click.about.subject
    with click.stripe.asking() as stripe:
        return stripe.portal_session(
            who.customer_id,
            account=who.account,
            return_url=click.page_url,
            flow="payment_method_update",
            locale=click.language,
        )


def _checkout(click: Click) -> str | None:
    """Checkout with the former prices, and the mail's promotion code where it had one."""
    who, former = click.about.subject, click.about.subscription
    items = former.items if former else ()
    prices = [
        (each.price, None if each.is_metered else each.quantity) for each in items if each.price
    ]
    if not prices or len(prices) < len(items):
        return None
    code = _promotion_code(click)
    with click.stripe.asking() as stripe:
        return stripe.checkout_session(
            who.customer_id,
            account=who.account,
            prices=prices,
            success_url=f"{click.page_url}?done",
            cancel_url=click.page_url,
            promotion_code=code,
            locale=click.language,
            key=click.session_key(),
        )


def _promotion_code(click: Click) -> str | None:
    """Return the code that went out with the mail, if it is still good for something."""
    if click.mail is None or click.mail.kind not in TOPIC_OF:
        return None
    who = click.about.subject
    try:
        with click.stripe.asking() as stripe:
            found = stripe.find_promotion_code(
                who.customer_id, account=who.account, key=who.message
            )
    except Rejected as error:
        _note("promotion_code", error)
        return None
    return found.id if found and found.is_active else None


def _portal_login(click: Click) -> str | None:
    return click.policy.portal_url


def _shop(click: Click) -> str | None:
    return click.policy.shop_url


# update: from the page of what is owed, to another payment method for the next attempt.
WAYS: Mapping[Purpose | Literal["update"], Sequence[Way]] = MappingProxyType(
    {
        "pay": (_invoice_page, _portal, _portal_login, _oldest_invoice_page),
        "update": (_method_update, _portal_login, _oldest_invoice_page),
        "card": (_method_update, _portal_login),
        "manage": (_portal, _portal_login),
        "keep": (_portal_login,),
        "return": (_checkout, _shop),
    }
)
