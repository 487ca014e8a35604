"""For us: a shelf is low, sold out, oversold, or back in stock.

The stock notes it (`evergreen.stock_notice`); here it becomes a mail to INTERNAL_INBOX, as long
as the shelf still stands so. Source: crm-inventory, section 6 (oversold is never hidden).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, and_, select

from notifications import samples
from notifications.case import Case
from notifications.keys import effect_key
from notifications.kind import MOST_AT_ONCE, Kind, Verdict
from notifications.policy import MailPolicy
from notifications.timing import TIMINGS
from sync.changes import Effect, Skipped
from sync.inventory.tables import NOTICE, STANDING
from sync.store.outbox import OUTBOX

NAME = "stock_alert"
# How a shelf must stand for a notice to be true by now.
_STILL = MappingProxyType(
    {
        "oversold": {"oversold"},
        "sold_out": {"out", "oversold"},
        "low_stock": {"low"},
        "back_in_stock": {"ok", "low"},
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, and how its shelf stands by now."""

    kind: str
    sku: str
    location: str
    on_hand: int
    available: int
    standing: str | None


def scan(conn: Connection, now: datetime, policy: MailPolicy) -> Sequence[Effect]:
    """Return the mails about notices that are still of use and not yet recorded."""
    if policy.internal_inbox is None:
        return ()
    notice = NOTICE.c
    recent = select(notice.id, notice.at).where(notice.at > now - TIMINGS[NAME].lives)
    found = conn.execute(recent.order_by(notice.id.desc()).limit(MOST_AT_ONCE))
    wanted = {effect.key: effect for effect in (_effect(*row, policy) for row in found)}
    known = select(OUTBOX.c.key).where(OUTBOX.c.key.in_(wanted))
    recorded = set(conn.execute(known).scalars())
    return [effect for key, effect in wanted.items() if key not in recorded]


def _effect(notice: int, at: datetime, policy: MailPolicy) -> Effect:
    livemode = policy.livemode is True
    return Effect(
        key=effect_key("", livemode=livemode, kind=NAME, parts=(str(notice),)),
        channel="mail",
        kind=NAME,
        livemode=livemode,
        subject={"notice": str(notice)},
        due_at=at,
        expires_at=TIMINGS[NAME].expires_at(at),
    )


def read(conn: Connection, case: Case) -> Told | None:
    """Return the notice and how its shelf stands by now; None when it is gone."""
    same = and_(STANDING.c.sku == NOTICE.c.sku, STANDING.c.location == NOTICE.c.location)
    shown = (NOTICE.c[name] for name in ("kind", "sku", "location", "on_hand", "available"))
    found = select(*shown, STANDING.c.standing).select_from(NOTICE.outerjoin(STANDING, same))
    one = found.where(NOTICE.c.id == int(case.subject["notice"]))
    row = conn.execute(one).mappings().first()
    return Told(**row) if row else None


def check(case: Case) -> Verdict:
    """Return why nobody has to know any more, None while it is so."""
    told = case.read
    if not isinstance(told, Told):
        return Skipped("notice_gone")
    return None if told.standing in _STILL[told.kind] else Skipped("moved_on")


def context(case: Case) -> Mapping[str, Any]:
    """Return what the templates may name; `kind` is one of the four notices."""
    told = case.read
    assert isinstance(told, Told), "checked before"
    return {
        "notice": told.kind,
        "sku": told.sku,
        "location": told.location,
        "on_hand": told.on_hand,
        "available": told.available,
    }


def sample_cases(policy: MailPolicy) -> Mapping[str, Case]:
    """Return a case for each notice."""
    levels = {"oversold": -2, "sold_out": 0, "low_stock": 4, "back_in_stock": 40}
    return {
        kind: samples.case(
            policy,
            subject={"notice": "1"},
            read=Told(kind, "COFFEE-250", "main", level, level, min(_STILL[kind])),
        )
        for kind, level in levels.items()
    }


KIND = Kind(
    name=NAME,
    category=TIMINGS[NAME].category,
    check=check,
    context=context,
    samples=sample_cases,
    scan=scan,
    reads=read,
)
