"""Access: who may use the service, since when, why, and what brings it back.

`load` tells of one customer, always from the mirror as it stands; `follow` and `scan` keep
what was told, note every step in `evergreen.access_history` and ask to tell the shop.
"""

from datetime import datetime

from sqlalchemy import Connection

from sync.access import facts
from sync.access.recording import follow, scan
from sync.access.standing import STATES, Access, AccessPolicy, State, decide

__all__ = ["STATES", "Access", "AccessPolicy", "State", "decide", "follow", "load", "scan"]


def load(
    conn: Connection,
    account: str,
    customer_id: str,
    now: datetime,
    policy: AccessPolicy | None = None,
) -> Access | None:
    """Return where a customer stands at `now`, None when nothing was ever heard of them."""
    known = facts.load(conn, [(account, customer_id)]).get((account, customer_id))
    return None if known is None else decide(known, now, policy or AccessPolicy())
