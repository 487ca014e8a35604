"""From events to records: bursts become one delivery, and no request is lost on the way."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import Engine, text

from app.simulator.disturb import disturb
from app.simulator.history import History
from sync.changes import Effect, Failed, Outcome
from sync.crm import delivery, planning
from sync.crm.sink import Snapshot
from sync.crm.sinks import open_sinks
from sync.crm.sinks.local import LocalSink
from sync.mirror.apply import apply
from sync.store import outbox
from tests.crm.service import deliver_due, records
from tests.mirror.fold import fold, shown
from tests.simulator.histories import year

NOW = datetime(2027, 2, 1, tzinfo=UTC)
Json = Mapping[str, Any]
_LANE = text("SELECT pg_advisory_xact_lock(1, 1)")


def customer_event(customer: str, name: str, created: int) -> Json:
    return {
        "id": f"evt_{customer}_{created}_{name}",
        "object": "event",
        "type": "customer.updated",
        "created": created,
        "livemode": False,
        "data": {"object": {"id": customer, "object": "customer", "name": name, "created": 1}},
    }


def mirror(engine: Engine, events: Sequence[Json]) -> None:
    with engine.begin() as conn:
        conn.execute(_LANE)
        changes = apply(conn, [shown(orjson.dumps(event)) for event in events]).changes
        outbox.add(conn, planning.plan(changes, NOW, ["local"]))


@dataclass(frozen=True, slots=True)
class Interrupted(LocalSink):
    """A sink during whose call something happens, and which then keeps what it was given."""

    happens: list[Callable[[], None]] = field(default_factory=list)

    def deliver(self, batch: Sequence[Snapshot]) -> Sequence[Outcome]:
        """Let the next thing happen, then keep the snapshots."""
        if self.happens:
            self.happens.pop()()
        return LocalSink.deliver(self, batch)


def test_a_burst_becomes_one_delivery_of_what_is_true_by_then(engine: Engine) -> None:
    for second in range(20):
        mirror(engine, [customer_event("cus_1", f"Ada {second}", 100 + second)])

    assert deliver_due(engine, open_sinks(engine, ["local"])) == 1
    data, version = records(engine)["cus_1"]
    assert (data["name"], version) == ("Ada 19", 1)


def test_a_change_during_delivery_is_delivered_next(engine: Engine) -> None:
    mirror(engine, [customer_event("cus_1", "Ada", 100)])
    renamed = customer_event("cus_1", "Grace", 200)
    sink = Interrupted(engine, happens=[lambda: mirror(engine, [renamed])])

    assert deliver_due(engine, {"local": sink}) == 1
    assert records(engine)["cus_1"][0]["name"] == "Ada"
    assert deliver_due(engine, {"local": sink}) == 1
    assert records(engine)["cus_1"][0]["name"] == "Grace"
    assert deliver_due(engine, {"local": sink}) == 0


def test_a_sender_that_was_overtaken_does_not_bring_the_past_back(engine: Engine) -> None:
    """It stalls in the call until its lease is over and another has delivered the news."""
    mirror(engine, [customer_event("cus_1", "Ada", 100)])
    local = open_sinks(engine, ["local"])["local"]

    def overtaken() -> None:
        mirror(engine, [customer_event("cus_1", "Grace", 200)])
        with engine.begin() as conn:
            conn.exec_driver_sql("UPDATE evergreen.outbox SET lease_until = now() - interval '1 s'")
        assert deliver_due(engine, {"local": local}) == 1

    deliver_due(engine, {"local": Interrupted(engine, happens=[overtaken])})

    assert deliver_due(engine, {"local": local}) == 1  # what was taken over is confirmed
    assert records(engine)["cus_1"][0]["name"] == "Grace"
    assert deliver_due(engine, {"local": local}) == 0


def test_a_sink_that_is_no_longer_set_fails_visibly(engine: Engine) -> None:
    effect = Effect(
        key="crm:old::cus_1",
        channel="crm",
        kind="snapshot",
        due_at=NOW,
        subject={"sink": "old", "customer": "cus_1"},
        shape="state",
    )
    claimed = outbox.Claimed(effect=effect, lease=uuid4(), attempts=1, revision=1)

    assert delivery.deliver(engine, [claimed], NOW, {}) == [Failed("unknown_sink")]


def test_somebody_only_an_invoice_named_has_a_record(engine: Engine) -> None:
    bill = {"id": "in_1", "object": "invoice", "customer": "cus_9", "status": "open"}
    mirror(engine, [{**customer_event("cus_9", "", 5), "data": {"object": bill}}])
    deliver_due(engine, open_sinks(engine, ["local"]))

    assert records(engine)["cus_9"][0]["open_invoice_id"] == "in_1"


@pytest.mark.timeout(300)
def test_no_record_is_stale_after_a_storm(engine: Engine) -> None:
    """2,000 changes of 50 customers, mirrored and delivered by four threads at once."""
    last = {f"cus_{n}": 0 for n in range(50)}
    rng = random.Random(3)
    storm = []
    for second in range(800):
        who = rng.choice(list(last))
        last[who] = second
        storm.append(customer_event(who, str(second), 100 + second))
    batches = [storm[at : at + 10] for at in range(0, len(storm), 10)]
    sinks = open_sinks(engine, ["local"])
    delivered = []

    def work() -> None:
        while batches:
            mirror(engine, batches.pop(0))
            delivered.append(deliver_due(engine, sinks, limit=10))
        while done := deliver_due(engine, sinks):
            delivered.append(done)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while deliver_due(engine, sinks):
        pass

    stale = [who for who, (data, _) in records(engine).items() if data["name"] != str(last[who])]
    assert stale == []
    assert sum(delivered) < len(storm)


@pytest.fixture(scope="module")
def history() -> History:
    return year(11, 25)


def test_a_shuffled_year_ends_in_true_records(engine: Engine, history: History) -> None:
    """Paid, refunded, failed and live: against the truth that the simulator kept."""
    arriving = disturb(history.events, random.Random(1), duplicates=0.2, window=None)
    changes = fold(engine, [arriving[at : at + 300] for at in range(0, len(arriving), 300)])
    with engine.begin() as conn:
        outbox.add(conn, planning.plan(changes, NOW, ["local"]))
    while deliver_due(engine, open_sinks(engine, ["local"])):
        pass
    found = {who: data for who, (data, _) in records(engine).items()}

    names = ("ltv_gross_minor", "ltv_net_minor", "failed_payment_count", "delinquent")
    shown = {who: tuple(data[name] for name in names) for who, data in found.items()}
    assert shown == {who: true_of(history, who) for who in shown}
    assert {data["billing_lifecycle"] for data in found.values()} >= {"active", "churned"}


def true_of(history: History, who: str) -> tuple[int, int, int, bool]:
    """Return what a customer paid, kept paid, failed to pay, and whether they owe now."""
    theirs = [each for each in history.objects.values() if each.get("customer") == who]
    paid = sum(
        o["amount_paid"] for o in theirs if (o["object"], o.get("status")) == ("invoice", "paid")
    )
    back = sum(
        o["amount"] for o in theirs if (o["object"], o.get("status")) == ("refund", "succeeded")
    )
    told = [e["data"]["object"] for e in history.events if e["type"] == "invoice.payment_failed"]
    failed = {(o["id"], o["attempt_count"]) for o in told if o["customer"] == who}
    return paid, paid - back, len(failed), history.objects["customer", who]["delinquent"]
