"""A shop's mirror for the mails' tests: Stripe's JSON through the real mirroring."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine, text

from notifications import delivery, dunning, planning, scans
from notifications.policy import Brand, MailPolicy
from notifications.transports import open_transport
from sync.changes import Change, Outcome
from sync.store import outbox
from sync.store.outbox import Claimed
from tests.mirror.fold import fold

Json = Mapping[str, Any]

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NUMBERS = count(1)


def policy(**changed: Any) -> MailPolicy:
    """Return a shop's settings, with the fields named changed."""
    settings: dict[str, Any] = {
        "sender": "Garden Box <billing@garden.example>",
        "public_url": "https://billing.garden.example",
        "link_secrets": ("newest-secret", "older-secret"),
        "shop_url": "https://garden.example/plans",
        "brand": Brand(name="Garden Box", postal_address="1 Rose Lane, London"),
    }
    return MailPolicy(**{**settings, **changed})


def seconds(instant: datetime | None) -> int | None:
    """Return an instant as Stripe writes it."""
    return None if instant is None else int(instant.timestamp())


def event(subject: Json, *, at: datetime = NOW, type_: str | None = None, **more: Any) -> Json:
    """Return a snapshot event about `subject`; each has an id of its own."""
    return {
        "id": f"evt_{next(NUMBERS)}",
        "object": "event",
        "type": type_ or f"{subject['object']}.updated",
        "created": seconds(at),
        "livemode": False,
        "data": {"object": subject},
        **more,
    }


def customer(**changed: Any) -> dict[str, Any]:
    """Return a customer as Stripe renders it."""
    return {
        "id": "cus_1",
        "object": "customer",
        "email": "ada@customer.example",
        "name": "Ada Lovelace",
        "preferred_locales": [],
        "address": None,
        "metadata": {},
        "test_clock": None,
        "created": seconds(NOW),
        **changed,
    }


def item(**changed: Any) -> dict[str, Any]:
    """Return an item of 29.00 USD a month; `interval` and `unit_amount` go into its price."""
    price = {
        "id": "price_1",
        "object": "price",
        "product": "prod_1",
        "currency": "usd",
        "unit_amount": changed.pop("unit_amount", 2900),
        "recurring": {"interval": changed.pop("interval", "month"), "interval_count": 1},
    }
    return {"id": "si_1", "object": "subscription_item", "quantity": 1, "price": price, **changed}


def subscription(
    period_end: datetime = NOW + 3 * DAY, *, items: Sequence[Json] = (), **changed: Any
) -> dict[str, Any]:
    """Return a running subscription whose items without an end of their own end at `period_end`."""
    ends = {"current_period_start": seconds(NOW - 27 * DAY)}
    data = [{"current_period_end": seconds(period_end), **ends, **one} for one in items or [item()]]
    return {
        "id": "sub_1",
        "object": "subscription",
        "customer": "cus_1",
        "status": "active",
        "collection_method": "charge_automatically",
        "currency": "usd",
        "cancel_at_period_end": False,
        "cancel_at": None,
        "pause_collection": None,
        "created": seconds(NOW - 300 * DAY),
        "items": {"object": "list", "data": data, "has_more": False},
        **changed,
    }


def ended(
    at: datetime,
    feedback: str | None = None,
    reason: str = "cancellation_requested",
    **changed: Any,
) -> dict[str, Any]:
    """Return a subscription that is over since `at`."""
    details = {"reason": reason, "feedback": feedback, "comment": None}
    over = {"status": "canceled", "ended_at": seconds(at), "cancellation_details": details}
    return subscription(at, **{**over, **changed})


def invoice(**changed: Any) -> dict[str, Any]:
    """Return an open invoice whose first charge failed."""
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "customer_email": "from-invoice@customer.example",
        "status": "open",
        "currency": "usd",
        "number": "GB-0042",
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "attempt_count": 1,
        "amount_due": 2900,
        "amount_paid": 0,
        "amount_remaining": 2900,
        "next_payment_attempt": seconds(NOW + 3 * DAY),
        "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/test_x?s=ap",
        "created": seconds(NOW - HOUR),
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [], "has_more": False},
        **changed,
    }


def declined(code: str = "expired_card", **changed: Any) -> dict[str, Any]:
    """Return the payment intent of `in_1` after the bank refused it."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "customer": "cus_1",
        "status": "requires_payment_method",
        "currency": "usd",
        "amount": 2900,
        "created": seconds(NOW - HOUR),
        "last_payment_error": {"type": "card_error", "code": code, "decline_code": code},
        "payment_details": {"order_reference": "in_1"},
        **changed,
    }


def product(**changed: Any) -> dict[str, Any]:
    """Return what is sold."""
    return {"id": "prod_1", "object": "product", "name": "Garden Box", **changed}


def mirror(engine: Engine, *subjects: Json, at: datetime = NOW) -> list[Change]:
    """Bring `subjects` into the mirror, as they stand at `at`, and return what changed."""
    return fold(engine, [[event(subject, at=at) for subject in subjects]] if subjects else [])


def plan(
    engine: Engine,
    changes: Sequence[Change],
    settings: MailPolicy | None = None,
    *,
    now: datetime | None = None,
) -> None:
    """Record what follows from `changes`, as the drain does; `now` is when they happened."""
    at = now or max((change.at for change in changes), default=NOW)
    with engine.begin() as conn:
        followed = dunning.follow(conn, changes, settings or policy(), at)
        planned = planning.plan(changes, settings or policy())
        outbox.add(conn, [*planning.owned(conn, planned), *followed])


def scan(engine: Engine, now: datetime = NOW, settings: MailPolicy | None = None) -> int:
    """Record what time has brought by `now`."""
    with engine.begin() as conn:
        return scans.scan(conn, now, settings or policy())


def claim(engine: Engine, now: datetime) -> list[Claimed]:
    """Take what is due at `now`."""
    with engine.begin() as conn:
        return outbox.claim(conn, now)


def deliver_due(
    engine: Engine, mail_url: str, now: datetime, settings: MailPolicy | None = None
) -> list[Outcome]:
    """Deliver what is due at `now` and record how it ended, as the worker does."""
    transport = open_transport(mail_url)
    outcomes = []
    try:
        for claimed in claim(engine, now):
            outcome = delivery.deliver(engine, claimed, now, transport, settings or policy())
            outcomes.append(outcome)
            with engine.begin() as conn:
                assert outbox.settle(conn, claimed, outcome, now)
    finally:
        transport.close()
    return outcomes


def rows(engine: Engine, columns: str) -> list[tuple[Any, ...]]:
    """Return these columns of all mails, by when they are due."""
    query = text(f"SELECT {columns} FROM evergreen.outbox ORDER BY due_at, key")
    with engine.connect() as conn:
        return [tuple(row) for row in conn.execute(query)]
