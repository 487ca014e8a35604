"""A shop's mirror and the campaigns that follow it, for the tests on a real database."""

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from notifications.policy import MailPolicy
from sync.changes import Change
from tests.notifications import shop
from tests.notifications.shop import DAY, NOW

Json = dict[str, Any]
OTHER = {"id": "in_2", "number": "GB-0043", "parent": None}


def happens(
    engine: Engine, *objects: Json, at: datetime = NOW, settings: MailPolicy | None = None
) -> list[Change]:
    """Let `objects` change in one batch, and the campaigns follow."""
    changes = shop.mirror(engine, *objects, at=at)
    shop.plan(engine, changes, settings, now=at)
    return changes


def mails(engine: Engine, columns: str) -> list[tuple[Any, ...]]:
    """Return these columns of the campaigns' mails, times as days from the failure."""
    return [
        tuple((value - NOW) / DAY if isinstance(value, datetime) else value for value in row)
        for *row, campaign in shop.rows(engine, f"{columns}, subject ->> 'campaign'")
        if campaign is not None
    ]


def campaigns(engine: Engine, columns: str) -> list[tuple[Any, ...]]:
    with engine.connect() as conn:
        query = text(f"SELECT {columns} FROM evergreen.dunning_campaign ORDER BY id")
        return [tuple(row) for row in conn.execute(query)]


def paid(**changed: Any) -> Json:
    settled = {"status": "paid", "amount_paid": 2900, "amount_remaining": 0}
    return shop.invoice(**{**settled, "next_payment_attempt": None, **changed})


def charge(status: str, at: datetime, **changed: Any) -> Json:
    card = {"fingerprint": changed.pop("fingerprint", "fp_1"), "brand": "visa", "last4": "4242"}
    return {
        "id": f"ch_{status}",
        "object": "charge",
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "status": status,
        "currency": "usd",
        "amount": 2900,
        "created": shop.seconds(at),
        "payment_method_details": {"type": "card", "card": card},
        **changed,
    }
