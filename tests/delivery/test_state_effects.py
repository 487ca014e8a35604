"""State effects: a burst is one write, the newest wins, what is held already needs no call."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from sync.changes import (
    DEBOUNCE_AT_MOST_S,
    DEBOUNCE_S,
    Done,
    Effect,
    Failed,
    Later,
    Outcome,
    RetryIn,
    Skipped,
    Unknown,
)
from sync.delivery.unchanged import Intent, deliver_changed, digest
from sync.store import outbox
from sync.store.outbox import Lane
from tests.delivery.made import NOON, add, claim, expire_leases, row, run, settle, state

BURST = state(debounce_s=DEBOUNCE_S)


def pass_real_time(engine: Engine, seconds: float) -> None:
    columns = ", ".join(
        f"{name} = {name} - make_interval(secs => {seconds})"
        for name in ("wished_at", "hold_until")
    )
    run(engine, f"UPDATE evergreen.outbox SET {columns}")


def held_s(engine: Engine) -> float:
    return float((row(engine).hold_until - datetime.now(UTC)).total_seconds())


def test_a_claim_finds_what_is_due_at_one_instant_in_order(engine: Engine) -> None:
    """After `crm push --all` or a product's new name, a million rows are due at once."""
    add(engine, *(state(f"k{n}", debounce_s=0) for n in range(3)))
    run(
        engine,
        "INSERT INTO evergreen.outbox (key, channel, sink, kind, shape, due_at, state)"
        " SELECT n::text, 'crm', 'hubspot', 'snapshot', 'state', '2026-01-01',"
        " CASE WHEN n % 2 = 0 THEN 'pending' ELSE 'done' END FROM generate_series(1, 20000) AS n",
    )
    asked: list[tuple[str, Any]] = []
    listen = "before_cursor_execute"
    with engine.begin() as conn:
        conn.exec_driver_sql("ANALYZE evergreen.outbox")
        event.listen(engine, listen, lambda *told: asked.append((told[2], told[3])), named=False)
        claimed = outbox.claim(conn, NOON, lane=Lane("crm", "hubspot"))
        statement, values = asked[-1]
        plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())

    assert len(claimed) == 20
    assert "outbox_sink_idx" in plan
    assert "Sort" not in plan


def test_a_burst_is_held_until_nobody_has_asked_for_5_seconds(engine: Engine) -> None:
    add(engine, BURST)
    assert claim(engine) == []
    pass_real_time(engine, 4)
    add(engine, BURST)
    pass_real_time(engine, 4)
    assert claim(engine) == []
    pass_real_time(engine, 1.1)

    (claimed,) = claim(engine)
    assert claimed.revision == 2


def test_a_burst_without_end_is_held_a_minute_at_most(engine: Engine) -> None:
    add(engine, BURST)
    for _ in range(14):
        pass_real_time(engine, 4)
        add(engine, BURST)
        assert claim(engine) == []
    assert held_s(engine) < DEBOUNCE_AT_MOST_S - 14 * 4 + 0.1
    pass_real_time(engine, 4.1)
    add(engine, BURST)

    assert len(claim(engine)) == 1


def test_after_a_delivery_the_minute_begins_anew(engine: Engine) -> None:
    add(engine, BURST)
    pass_real_time(engine, 61)
    (claimed,) = claim(engine)
    settle(engine, claimed, Done())
    add(engine, BURST)

    assert 4 < held_s(engine) <= 5


def test_what_is_asked_for_during_a_delivery_is_held_too(engine: Engine) -> None:
    add(engine, BURST)
    pass_real_time(engine, 6)
    (claimed,) = claim(engine)
    add(engine, BURST)
    settle(engine, claimed, Done())
    assert claim(engine) == []
    pass_real_time(engine, 6)

    assert len(claim(engine)) == 1


def test_on_a_simulated_clock_nothing_is_held(engine: Engine) -> None:
    add(engine, BURST)
    with engine.connect() as conn:
        assert outbox.busy(conn, NOON)

    assert len(claim(engine, simulated=True)) == 1


def intents(*held: tuple[str, str | None]) -> list[Intent[str]]:
    return [Intent(content=now, digest=digest(now), sent_hash=then) for now, then in held]


def test_what_the_sink_holds_already_is_acknowledged_without_a_call() -> None:
    sent: list[str] = []

    def send(batch: Sequence[str]) -> list[Outcome]:
        sent.extend(batch)
        return [Done("1"), Failed("bad")]

    found = deliver_changed(
        intents(("a", digest("a")), ("b", digest("a")), ("c", None), ("d", digest("d"))), send
    )

    assert sent == ["b", "c"]
    assert found == [
        Done(None, digest("a")),
        Done("1", digest("b")),
        Failed("bad"),
        Done(None, digest("d")),
    ]


def test_where_nothing_is_new_nobody_is_called() -> None:
    def send(_batch: object) -> list[Outcome]:
        raise AssertionError

    assert deliver_changed(intents(("a", digest("a"))), send) == [Done(None, digest("a"))]


def deliver(engine: Engine, outcome: Outcome, **how: object) -> outbox.Claimed:
    add(engine, state())
    (claimed,) = claim(engine)
    settle(engine, claimed, outcome, **how)
    return claimed


def test_what_was_acknowledged_is_known_at_the_next_delivery(engine: Engine) -> None:
    deliver(engine, Done("7", "hash"))
    add(engine, state())

    assert claim(engine)[0].sent_hash == "hash"


@pytest.mark.parametrize(
    "outcome",
    [Done("7"), RetryIn(0, "p_500"), Unknown("no_answer"), Failed("p_400"), Skipped("gone")],
    ids=str,
)
def test_after_any_other_end_nobody_knows_what_the_sink_holds(
    engine: Engine, outcome: Outcome
) -> None:
    """A, then B with an unclear end, then A again: the sink may hold B."""
    deliver(engine, Done("7", "hash of A"))
    deliver(engine, outcome, may_have_left=True)
    add(engine, state())

    assert claim(engine)[0].sent_hash is None


def test_what_only_waits_forgets_nothing(engine: Engine) -> None:
    deliver(engine, Done("7", "hash"))
    deliver(engine, Later(NOON, "not_yet"))

    assert claim(engine)[0].sent_hash == "hash"


def test_an_acknowledgement_never_covers_a_later_wish(engine: Engine) -> None:
    """The version that counts is that of the snapshot that was sent."""
    add(engine, state())
    (first,) = claim(engine)
    add(engine, state())
    settle(engine, first, Done("7", "old"))
    assert row(engine).state == "pending"
    (second,) = claim(engine)

    assert (first.revision, second.revision, second.sent_hash) == (1, 2, "old")
    settle(engine, second, Done("7", "new"))
    assert row(engine).state == "done"


def test_taking_over_from_who_vanished_is_followed_by_one_confirming_write(engine: Engine) -> None:
    deliver(engine, Done("7", "hash"))
    add(engine, state())
    claim(engine)
    expire_leases(engine)
    (taken,) = claim(engine)
    assert taken.sent_hash is None
    settle(engine, taken, Done("7", "hash"))
    (confirming,) = claim(engine)
    assert confirming.sent_hash is None
    settle(engine, confirming, Done("7", "hash"))

    assert row(engine).state == "done"
    assert claim(engine) == []


def test_a_delta_that_is_taken_over_is_done_once(engine: Engine) -> None:
    add(engine, Effect(key="k", channel="inventory", kind="movement", due_at=NOON))
    claim(engine)
    expire_leases(engine)
    (taken,) = claim(engine)
    settle(engine, taken, Done())

    assert claim(engine) == []


@pytest.mark.parametrize("new_holder_ends", [False, True], ids=["in-hand", "already-done"])
def test_a_sender_that_lost_its_lease_asks_for_one_more_write(
    engine: Engine, *, new_holder_ends: bool
) -> None:
    """What it sent may have come in after what the new holder has sent."""
    add(engine, state())
    (slept,) = claim(engine)
    run(engine, f"UPDATE evergreen.outbox SET lease_token = '{uuid4()}'")
    run(engine, "UPDATE evergreen.outbox SET confirm = false")
    taken = replace(slept, lease=row(engine).lease_token)
    if new_holder_ends:
        settle(engine, taken, Done("7", "hash"))
    assert not settle(engine, slept, Done("7", "hash"))
    with engine.begin() as conn:
        outbox.wish_again(conn, slept)
    if not new_holder_ends:
        settle(engine, taken, Done("7", "hash"))
    (again,) = claim(engine)

    assert again.sent_hash is None
    settle(engine, again, Done("7", "hash"))
    assert claim(engine) == []


def test_a_retry_waits_though_more_was_asked_for_meanwhile(engine: Engine) -> None:
    add(engine, state())
    (claimed,) = claim(engine)
    add(engine, state())
    settle(engine, claimed, RetryIn(60, "p_503"))

    assert claim(engine) == []
    run(engine, "UPDATE evergreen.outbox SET retry_at = now()")
    assert claim(engine)[0].revision == 2
