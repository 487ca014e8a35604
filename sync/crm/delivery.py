"""The CRM's side of an effect: read what is true now, hand it to the sink."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from sync.changes import Effect, Failed, Outcome
from sync.crm.facts import load
from sync.crm.sink import CrmSink, Snapshot
from sync.crm.snapshot import fields
from sync.store import outbox

_DATABASE_TIME = text("SELECT statement_timestamp()")


def deliver(
    engine: Engine, claimed: outbox.Claimed, now: datetime, sinks: Mapping[str, CrmSink]
) -> Outcome:
    """Deliver the customer's snapshot, read after the claim and before any network call.

    `now` is business time. A change that comes while this runs asks again by itself.
    """
    effect = claimed.effect
    sink = sinks.get(effect.subject["sink"])
    if sink is None:
        return Failed("unknown_sink")
    read_at, read = _read(engine, effect)
    return sink.deliver(
        Snapshot(
            account=effect.account,
            customer_id=effect.subject["customer"],
            livemode=effect.livemode,
            fields=read,
            at=now,
            read_at=read_at,
            revision=claimed.revision,
        ),
    )


def _read(engine: Engine, effect: Effect) -> tuple[datetime, Mapping[str, Any]]:
    """Return a customer's fields and when they were read; all from one state of the mirror."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn:
        read_at: datetime = conn.execute(_DATABASE_TIME).scalar_one()
        known = load(conn, effect.account, effect.subject["customer"], livemode=effect.livemode)
    return read_at, fields(known)
