"""How many mails of a kind one customer gets in a stretch of time.

Campaigns keep their own distance (see `notifications.dunning`); what the law or the contract
asks for is never capped. Source: lifecycle, heads of section 6b.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, text
from sqlalchemy.sql.functions import coalesce

from notifications.timing import TIMINGS
from sync.changes import Effect
from sync.store.outbox import OUTBOX


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Of all `kinds` together, at most `most` mails in any stretch as long as `within`."""

    kinds: frozenset[str]
    most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that the customer has, or may have."""

    kind: str
    at: datetime


_WEEK = timedelta(days=7)
_MARKETING = frozenset(name for name, timing in TIMINGS.items() if timing.category == "marketing")
CAPS = (
    Cap(kinds=_MARKETING, most=2, within=_WEEK),
    Cap(kinds=frozenset({"card_expiring"}), most=2, within=_WEEK),
)
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:who, 2))")
_HAVE = ("sending", "sent", "unknown")


def free_at(kind: str, sent: Sequence[Sent], now: datetime) -> datetime | None:
    """Return from when on a mail of `kind` is under every cap again; None: it is now."""
    over = [_free_at(cap, sent, now) for cap in CAPS if kind in cap.kinds]
    return max((at for at in over if at is not None and at > now), default=None)


def _free_at(cap: Cap, sent: Sequence[Sent], now: datetime) -> datetime | None:
    counted = sorted(one.at for one in sent if one.kind in cap.kinds and one.at > now - cap.within)
    return counted[-cap.most] + cap.within if len(counted) >= cap.most else None


def load(conn: Connection, effect: Effect, now: datetime) -> Sequence[Sent]:
    """Return the mails that count beside `effect`; none for a kind without a cap.

    Until the transaction ends nobody else counts for the same customer, so that two mails sent
    at the same time see each other.
    """
    caps = [cap for cap in CAPS if effect.kind in cap.kinds]
    if not caps or effect.customer_id is None:
        return ()
    conn.execute(_LOCK, {"who": f"{effect.account}:{effect.customer_id}"})
    mail = OUTBOX.c
    at = coalesce(mail.settled_at, mail.due_at)
    wanted = select(mail.kind, at).where(
        mail.customer_id == effect.customer_id,
        mail.account == effect.account,
        mail.livemode == effect.livemode,
        mail.channel == "mail",
        mail.kind.in_(frozenset().union(*(cap.kinds for cap in caps))),
        mail.state.in_(_HAVE),
        at > now - max(cap.within for cap in caps),
        mail.key != effect.key,
    )
    return [Sent(*row) for row in conn.execute(wanted)]
