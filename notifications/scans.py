"""What time brings: set-based looks at the mirror for mails that have fallen due."""

from datetime import datetime

from sqlalchemy import Connection

from notifications.kind import MOST_AT_ONCE
from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from sync.changes import Effect
from sync.store import outbox


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> int:
    """Record every mail that falls due until shortly after `now`; return how many are new.

    Each kind looks back as far as its mails are of use, so a missed tick is caught up; what
    is recorded already is not looked at again, so a repeated tick does nothing. After an
    outage, each tick takes a share.
    """
    found: list[Effect] = []
    for kind in KINDS.values():
        if kind.scan and len(found) < MOST_AT_ONCE:
            found += kind.scan(conn, now, policy)
    outbox.add(conn, found[:MOST_AT_ONCE])
    return len(found[:MOST_AT_ONCE])
