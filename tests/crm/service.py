"""The CRM's part of the service, from events to records, on a database of the test's own."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Engine, text

from app.envelope import delivery as envelope
from sync import access, history
from sync.crm import delivery, planning
from sync.crm.facts import load
from sync.crm.sink import CrmSink
from sync.crm.snapshot import picture
from sync.delivery.patience import verdict
from sync.delivery.policy import AT_HOME
from sync.mirror.apply import apply
from sync.store import inbox, outbox
from sync.store.outbox import Lane
from tests.mirror.fold import shown

NOW = datetime(2027, 2, 1, tzinfo=UTC)
Json = Mapping[str, Any]


def take_in(engine: Engine, events: Sequence[Json], sinks: Sequence[str]) -> None:
    """Mirror a batch as the drain does, and ask for what follows from it in the CRM."""
    with engine.begin() as conn:
        for event in events:
            inbox.store(conn, envelope(orjson.dumps(event), None))
        claimed = inbox.claim(conn, lane=0, lanes=1, limit=10_000)
        told = [shown(row.payload) for row in claimed.rows]
        applied = apply(conn, told)
        history.record(conn, told)
        history.rederive(conn, applied.changes)
        effects = planning.plan(applied.changes, NOW, sinks, events=told)
        access.follow(conn, applied.changes, NOW, events=told)
        outbox.add(conn, effects)
        inbox.finish(conn, claimed.lease, [row.seq for row in claimed.rows])


def deliver_lane(engine: Engine, sinks: Mapping[str, CrmSink], lane: str, limit: int = 100) -> int:
    """Deliver one batch of a sink's effects; return how many it held."""
    with engine.begin() as conn:
        batch = outbox.claim(conn, NOW, lane=Lane("crm", lane), limit=limit, simulated=True)
    if not batch:
        return 0
    outcomes = delivery.deliver(engine, batch, NOW, sinks)
    policy, real = (sinks[lane].policy if lane else AT_HOME), datetime.now(UTC)
    with engine.begin() as conn:
        for claimed, outcome in zip(batch, outcomes, strict=True):
            ended = verdict(claimed, outcome, policy, real)
            outbox.settle(conn, claimed, ended.outcome, NOW, may_have_left=ended.may_have_left)
    return len(batch)


def deliver_due(engine: Engine, sinks: Mapping[str, CrmSink], limit: int = 100) -> int:
    """Deliver one batch of each sink's; return how many effects those held."""
    return sum(deliver_lane(engine, sinks, lane, limit) for lane in ("", *sinks))


def deliver_all(engine: Engine, sinks: Mapping[str, CrmSink], limit: int = 100) -> None:
    """Deliver until nothing is due, and no retry waits for its time."""
    while deliver_due(engine, sinks, limit):
        retry_now(engine)


def retry_now(engine: Engine) -> None:
    """Let the time pass for which retries wait."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE evergreen.outbox SET retry_at = NULL WHERE state = 'pending'"))


def records(engine: Engine) -> dict[str, tuple[Json, int]]:
    """Return the local records: fields and version by customer."""
    with engine.connect() as conn:
        found = conn.execute(text("SELECT customer_id, data, version FROM evergreen.crm_record"))
        return {row.customer_id: (row.data, row.version) for row in found}


def true_by_now(engine: Engine, customers: Sequence[str], at: datetime = NOW) -> dict[str, Json]:
    """Return the snapshot of each customer, read afresh."""
    with engine.connect() as conn:
        known = {each: load(conn, "", each, at, livemode=False) for each in customers}
    return {each: picture(facts, at).fields for each, facts in known.items()}


def outcomes(engine: Engine, sinks: Mapping[str, CrmSink]) -> list[Any]:
    """Return what the only sink says to all that is due."""
    (lane,) = sinks
    with engine.begin() as conn:
        batch = outbox.claim(conn, NOW, lane=Lane("crm", lane), limit=100, simulated=True)
    return delivery.deliver(engine, batch, NOW, sinks)
