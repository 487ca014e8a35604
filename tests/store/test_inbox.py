"""The inbox: kept once, claimed by one, counted, and buried when it kills its worker."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, select, update

from sync.errors import LeaseLost
from sync.store import inbox
from sync.store.claims import CLAIM
from sync.store.inbox import INBOX, Delivery


def arrived(event_id: str, *, slot: int = 0, payload: bytes = b"{}") -> Delivery:
    return Delivery(
        event_id=event_id,
        payload=payload,
        type="invoice.paid",
        object_id="in_1",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        slot=slot,
    )


def state_of(conn: Connection, event_id: str) -> tuple[str, int]:
    row = conn.execute(select(INBOX).where(INBOX.c.event_id == event_id)).one()
    return row.state, row.attempts


def take(conn: Connection) -> inbox.Batch:
    """Claim as a drain does: fresh rows, else one that was tried before."""
    fresh = inbox.claim(conn, lane=0, lanes=1)
    return fresh if fresh.rows else inbox.claim_tried(conn, lane=0, lanes=1)


def expire_leases(conn: Connection) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    conn.execute(update(CLAIM).values(until=past))


def test_an_event_is_kept_once_and_its_repeats_are_counted(engine: Engine) -> None:
    with engine.begin() as conn:
        outcomes = [inbox.store(conn, arrived("evt_1")) for _ in range(2)]
        same = inbox.count_repeat(conn, arrived("evt_1"))
        other = inbox.count_repeat(conn, arrived("evt_1", payload=b"[]"))
        again = inbox.count_repeat(conn, arrived("evt_1", payload=b"[]"))
        deliveries = conn.execute(select(INBOX.c.deliveries)).scalar_one()
        blobs = conn.execute(select(inbox.INBOX_OTHER_BYTES.c.payload)).scalars().all()

    assert outcomes == ["stored", "duplicate"]
    assert (same, other, again) == (False, True, True)
    assert deliveries == 4
    assert blobs == [b"[]"]


def test_what_was_found_at_stripe_waits_for_its_first_delivery(engine: Engine) -> None:
    """The webhook's bytes then take the place of what the list showed, and are no others."""
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        found = [arrived("evt_1", payload=b"[]"), arrived("evt_2", payload=b"[]")]
        missed = [inbox.store_missed(conn, found) for _ in range(2)]
        before = conn.execute(select(INBOX.c.deliveries).order_by(INBOX.c.seq)).scalars().all()
        others = [inbox.count_repeat(conn, arrived("evt_2")) for _ in range(2)]
        rows = conn.execute(select(INBOX.c.deliveries, INBOX.c.payload).order_by(INBOX.c.seq)).all()

    assert missed == [1, 0]
    assert before == [1, 0]
    assert others == [False, False]
    assert rows == [(1, b"{}"), (2, b"{}")]


def test_two_accounts_may_send_one_event_id(engine: Engine) -> None:
    with engine.begin() as conn:
        first = inbox.store(conn, arrived("evt_1"))
        other = Delivery(event_id="evt_1", payload=b"{}", account="acct_2")

        assert [first, inbox.store(conn, other)] == ["stored", "stored"]


def test_a_claimed_row_is_nobody_elses_until_the_lease_ends(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        mine = take(conn)
        theirs = take(conn)
        expire_leases(conn)
        after = take(conn)

    assert [len(batch.rows) for batch in (mine, theirs, after)] == [1, 0, 1]


def test_a_worker_that_lost_its_lease_cannot_finish(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        slow = take(conn)
        expire_leases(conn)
        quick = take(conn)
        with pytest.raises(LeaseLost):
            inbox.finish(conn, slow.lease, [slow.rows[0].seq])
        inbox.finish(conn, quick.lease, [quick.rows[0].seq])

        assert state_of(conn, "evt_1") == ("done", 2)


def test_a_worker_that_lost_its_lease_sets_nothing_aside(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        slow = take(conn)
        expire_leases(conn)
        take(conn)
        inbox.park(conn, slow.lease, slow.rows[0].seq, "thin_event")
        inbox.fail(conn, slow.lease, slow.rows[0], "KeyError")

        assert state_of(conn, "evt_1") == ("pending", 1)


def test_rows_of_a_late_worker_are_counted_before_anybody_takes_them(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        take(conn)
        expire_leases(conn)

        assert inbox.claim(conn, lane=0, lanes=1).rows == ()
        assert [row.attempts for row in take(conn).rows] == [2]


def test_of_a_batch_only_what_its_worker_left_open_counts_as_crashed(engine: Engine) -> None:
    with engine.begin() as conn:
        for number in range(4):
            inbox.store(conn, arrived(f"evt_{number}"))
        batch = take(conn)
        inbox.finish(conn, batch.lease, [batch.rows[0].seq])
        inbox.park(conn, batch.lease, batch.rows[1].seq, "thin_event")
        inbox.fail(conn, batch.lease, batch.rows[2], "KeyError")
        expire_leases(conn)
        inbox.bury_crashers(conn)

        assert [state_of(conn, f"evt_{number}") for number in range(4)] == [
            ("done", 1),
            ("parked", 1),
            ("pending", 1),
            ("pending", 1),
        ]


def test_two_workers_of_one_lane_take_different_rows(engine: Engine) -> None:
    with engine.begin() as conn:
        for number in range(3):
            inbox.store(conn, arrived(f"evt_{number}"))
    with ThreadPoolExecutor(1) as other, engine.begin() as conn:
        first = inbox.claim(conn, lane=0, lanes=1, limit=2)
        waiting = other.submit(_claim_alone, engine)
        assert not wait([waiting], timeout=0.3).done
        conn.commit()
        second = waiting.result(timeout=5)

    assert [[row.event_id for row in each.rows] for each in (first, second)] == [
        ["evt_0", "evt_1"],
        ["evt_2"],
    ]


def _claim_alone(engine: Engine) -> inbox.Batch:
    with engine.begin() as conn:
        return inbox.claim(conn, lane=0, lanes=1, limit=2)


def test_a_frozen_worker_keeps_nobody_from_counting_the_late(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        slow = take(conn)
        expire_leases(conn)
    with engine.begin() as frozen, engine.begin() as conn:
        inbox.finish(frozen, slow.lease, [slow.rows[0].seq])

        assert inbox.bury_crashers(conn) == 0
        assert take(conn).rows == ()


def test_a_done_row_cannot_be_finished_again(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        batch = take(conn)
        inbox.finish(conn, batch.lease, [batch.rows[0].seq])
        with pytest.raises(LeaseLost):
            inbox.finish(conn, uuid4(), [batch.rows[0].seq])


def test_lanes_share_out_the_slots(engine: Engine) -> None:
    with engine.begin() as conn:
        for slot in range(6):
            inbox.store(conn, arrived(f"evt_{slot}", slot=slot))
        lanes = [
            {row.event_id for row in inbox.claim(conn, lane=lane, lanes=2).rows} for lane in (0, 1)
        ]

    assert lanes == [{"evt_0", "evt_2", "evt_4"}, {"evt_1", "evt_3", "evt_5"}]


def test_what_was_tried_before_comes_alone_and_after_the_fresh(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_a"))
        inbox.store(conn, arrived("evt_b"))
        take(conn)
        expire_leases(conn)
        inbox.store(conn, arrived("evt_fresh"))
        claims = [take(conn) for _ in range(4)]

    assert [[row.event_id for row in batch.rows] for batch in claims] == [
        ["evt_fresh"],
        ["evt_a"],
        ["evt_b"],
        [],
    ]


def test_what_the_world_interrupted_is_given_back_untried(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        for _ in range(inbox.MAX_ATTEMPTS + 2):
            batch = take(conn)
            assert inbox.release(conn, batch.lease) == 1
            assert state_of(conn, "evt_1") == ("pending", 0)
            assert take(conn).rows == ()
            conn.execute(update(INBOX).values(retry_at=None))


def test_an_event_that_took_its_worker_down_three_times_is_dead(engine: Engine) -> None:
    buried = []
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        for _ in range(inbox.MAX_ATTEMPTS):
            buried.append(inbox.bury_crashers(conn))
            take(conn)
            expire_leases(conn)
        buried.append(inbox.bury_crashers(conn))

        assert buried == [0, 0, 0, 1]
        assert state_of(conn, "evt_1") == ("dead", 3)


def test_a_failing_event_is_tried_again_later_and_then_dead(engine: Engine) -> None:
    seen = []
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        for _ in range(inbox.MAX_ATTEMPTS):
            conn.execute(update(INBOX).values(retry_at=None))
            batch = take(conn)
            inbox.fail(conn, batch.lease, batch.rows[0], "KeyError")
            seen.append(state_of(conn, "evt_1"))
            early = take(conn)
            assert early.rows == ()

    assert seen == [("pending", 1), ("pending", 2), ("dead", 3)]


def test_parked_and_dead_events_can_be_replayed(engine: Engine) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        batch = take(conn)
        inbox.park(conn, batch.lease, batch.rows[0].seq, "thin_event")
        assert state_of(conn, "evt_1") == ("parked", 1)
        assert take(conn).rows == ()

        assert inbox.replay(conn, ["evt_1", "evt_unknown"]) == 1
        assert state_of(conn, "evt_1") == ("pending", 0)
        assert len(take(conn).rows) == 1


@pytest.mark.parametrize(("age_s", "lanes"), [(4, []), (6, [0])], ids=["young", "old"])
def test_the_sweep_sees_what_has_waited_for_five_seconds(
    engine: Engine, age_s: int, lanes: list[int]
) -> None:
    with engine.begin() as conn:
        inbox.store(conn, arrived("evt_1"))
        since = datetime.now(UTC) - timedelta(seconds=age_s)
        conn.execute(update(INBOX).values(received_at=since))

        assert inbox.waiting_lanes(conn, 1, older_than_s=5) == lanes
