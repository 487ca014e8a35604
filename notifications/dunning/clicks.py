"""Which mail's link a customer followed: only such a mail may claim a recovery.

A scanner opens links too, so the click counts when somebody acts on the page (POST), not when
it is shown.
"""

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from notifications.dunning.tables import CLICK
from sync.store.outbox import OUTBOX


def record(conn: Connection, message_key: str, now: datetime) -> bool:
    """Note that the link in the mail `message_key` was followed; False when it is no campaign's.

    The first time counts; `now` is business time.
    """
    found = select(OUTBOX.c.subject["campaign"].astext).where(OUTBOX.c.key == message_key)
    campaign = conn.execute(found).scalar()
    if campaign is None:
        return False
    row = {"message_key": message_key, "campaign": int(campaign), "clicked_at": now}
    conn.execute(insert(CLICK).values(row).on_conflict_do_nothing())
    return True


def credited(conn: Connection, campaign: int, paid_at: datetime) -> str | None:
    """Return the mail whose link was followed last before `paid_at`, None without any."""
    clicks = CLICK.c
    before = select(clicks.message_key).where(
        clicks.campaign == campaign, clicks.clicked_at <= paid_at
    )
    newest = before.order_by(clicks.clicked_at.desc(), clicks.message_key).limit(1)
    found: str | None = conn.execute(newest).scalar()
    return found
