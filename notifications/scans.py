"""What time brings: set-based looks at the mirror for mails that have fallen due."""

from datetime import datetime

from sqlalchemy import Connection

from notifications.kinds import KINDS
from notifications.policy import MailPolicy
from sync.store import outbox


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> int:
    """Record every mail that falls due until shortly after `now`; return how many are new.

    Each kind looks back as far as its mails are of use, so a missed tick is caught up; what
    is recorded already is not looked at again, so a repeated tick does nothing.
    """
    found = [
        effect for kind in KINDS.values() if kind.scan for effect in kind.scan(conn, now, policy)
    ]
    outbox.add(conn, found)
    return len(found)
