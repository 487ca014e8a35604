"""Mails of which nobody knows whether they left: shown, and settled by a person.

They are never sent again by themselves: the customer may have them already.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, and_, select

from sync.store import settling
from sync.store.outbox import OUTBOX

COLUMNS = ("key", "kind", "customer_id", "reason", "due_at", "ended_at")
_UNCLEAR = and_(OUTBOX.c.channel == "mail", OUTBOX.c.state == "unknown")


def listed(conn: Connection, limit: int) -> Sequence[RowMapping]:
    """Return up to `limit` mails in doubt, those longest so first."""
    columns = [OUTBOX.c[name] for name in COLUMNS]
    oldest_first = select(*columns).where(_UNCLEAR).order_by(OUTBOX.c.ended_at, OUTBOX.c.key)
    return conn.execute(oldest_first.limit(limit)).mappings().all()


def settle(conn: Connection, key: str, *, sent: bool) -> bool:
    """Record what a person found out about the mail `key`; False when it is not in doubt.

    A mail that was not sent is due again: it goes out if it is still wanted and not too late.
    """
    return settling.settle(conn, key, "sent" if sent else "retry", channel="mail")
