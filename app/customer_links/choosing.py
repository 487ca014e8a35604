"""What a customer wishes to read of marketing: nothing any more, or some of it, or all again."""

from collections.abc import Collection

from flask import Response
from sqlalchemy import Engine

from app.customer_links.page import Pages
from notifications import links, suppression
from notifications.links import LinkSubject
from notifications.policy import MailPolicy
from notifications.suppression import MARKETING_TOPICS
from notifications.topics import chosen
from sync.mirror.facts import load_customer


class Choosing:
    """The pages to unsubscribe and to choose."""

    def __init__(self, engine: Engine, policy: MailPolicy, pages: Pages) -> None:
        """Show by `pages`; nothing has connected yet."""
        self._engine, self._policy, self._pages = engine, policy, pages

    def ask(self, subject: LinkSubject) -> Response:
        """Ask whether they really want to unsubscribe: a scanner does not press the button."""
        with self._engine.connect() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
        return self._pages.show("confirm.html", self._pages.wording(customer))

    def unsubscribe(self, subject: LinkSubject) -> Response:
        """Write no more marketing; also asked by a mail program's button (RFC 8058)."""
        with self._engine.begin() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
            suppression.suppress(
                conn,
                subject.account,
                topic="marketing",
                reason="unsubscribed",
                customer_id=subject.customer_id,
                address=customer.email if customer else None,
            )
        choose = links.url(self._policy, "preferences", subject)
        return self._pages.show("done.html", self._pages.wording(customer), choose=choose)

    def offer(self, subject: LinkSubject, *, is_saved: bool = False) -> Response:
        """Show what there is, and what they read of it today."""
        with self._engine.connect() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
            address = customer.email if customer else None
            against = suppression.topics_against(
                conn, subject.account, subject.customer_id, address
            )
        return self._pages.show(
            "preferences.html",
            self._pages.wording(customer),
            topics=MARKETING_TOPICS,
            chosen=chosen(against),
            is_saved=is_saved,
        )

    def choose(self, subject: LinkSubject, wished: Collection[str]) -> Response:
        """Keep to what they wish from now on."""
        wanted = [topic for topic in MARKETING_TOPICS if topic in wished]
        with self._engine.begin() as conn:
            customer = load_customer(conn, subject.account, subject.customer_id)
            suppression.choose(
                conn,
                subject.account,
                wanted,
                customer_id=subject.customer_id,
                address=customer.email if customer else None,
            )
        return self.offer(subject, is_saved=True)
